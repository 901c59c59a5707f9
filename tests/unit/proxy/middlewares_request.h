#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/text.h"
#include "http/head.h"
#include "http/syntax.h"
#include "proxy/middleware.h"

namespace limpet::proxy {

/// A request as the exchange hands it to middlewares, made of the text of a head.
class TestRequest {
 public:
  /// `request` is a request line without the version and header lines, each ended by '\n'.
  explicit TestRequest(std::string_view request) {
    const std::size_t line_end = request.find('\n');
    bytes_.append(request.substr(0, line_end)).append(" HTTP/1.1\r\n");
    for (const std::string_view line : base::split_list(request.substr(line_end + 1), '\n')) {
      bytes_.append(line).append("\r\n");
    }
    bytes_ += "\r\n";
    const auto size = http::parse_request_head(bytes_, {}, head_);
    EXPECT_TRUE(size.has_value() && *size == bytes_.size()) << bytes_;
    context.head = &head_;
    host_ = base::to_lower(http::host_without_port(head_.host));
    context.host = host_;
    context.path = head_.path;
    context.client = *net::IpAddress::parse("192.0.2.7");
    context.now = base::TimePoint(std::chrono::hours(1));
  }
  /// What a trusted proxy said counts.
  TestRequest& trusted() {
    context.forwarded_for = head_.find(http::FieldId::kXForwardedFor).value_or("");
    context.forwarded_proto = head_.find(http::FieldId::kXForwardedProto).value_or("");
    return *this;
  }

  RequestContext context;

 private:
  std::string bytes_;
  std::string host_;
  http::RequestHead head_;
};

/// The answer that a middleware makes in the end, its slow work included; nothing if the request goes on.
inline std::optional<Answer> pass(Middleware& middleware, RequestContext& context) {
  Verdict verdict = middleware.on_request(context);
  if (auto* answer = std::get_if<Answer>(&verdict)) return std::move(*answer);
  if (auto* work = std::get_if<BlockingWork>(&verdict)) return (*work)();
  return std::nullopt;
}

/// The value of an answer's field, or "(none)".
inline std::string field_of(const Answer& answer, std::string_view name) {
  for (const auto& [field, value] : answer.fields) {
    if (base::iequals(field, name)) return value;
  }
  return "(none)";
}

/// All that is to be set and added, as "Name=value" and "+Name=value", a space between them.
inline std::string text_of(const FieldEdits& edits) {
  std::string out;
  for (const auto& [name, value] : edits.sets())
    out.append(out.empty() ? "" : " ").append(name + "=" + value);
  for (const auto& [name, value] : edits.adds())
    out.append(out.empty() ? "+" : " +").append(name + "=" + value);
  return out;
}

}  // namespace limpet::proxy
