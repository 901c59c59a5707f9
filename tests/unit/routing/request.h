#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "http/syntax.h"
#include "http/url.h"
#include "routing/rule.h"

namespace limpet::routing {

/// A request to hold rules against, built piece by piece. Owns all its text.
class TestRequest {
 public:
  TestRequest() = default;
  explicit TestRequest(std::string target, std::string host = "example.com") : host_(std::move(host)) {
    const std::size_t mark = target.find('?');
    path_ = target.substr(0, mark);
    if (mark != std::string::npos) query_ = target.substr(mark + 1);
  }
  TestRequest& method(std::string method) {
    method_ = std::move(method);
    return *this;
  }
  TestRequest& field(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  TestRequest& client(std::string_view address) {
    client_ = net::IpAddress::parse(address).value();
    return *this;
  }

  /// The request as rules see it; valid until the next call.
  Subject subject() {
    head_ = {};
    head_.method_text = method_;
    head_.path = path_;
    head_.query = query_;
    head_.host = host_;
    for (const auto& [name, value] : fields_) head_.fields.push_back({name, value, http::field_id(name)});
    host_matched_ = base::to_lower(http::host_without_port(host_));
    if (host_matched_.ends_with('.')) host_matched_.pop_back();
    return {&head_, host_matched_,
            http::routing_path(http::canonical_path(path_, true, canonical_).value(), decoded_), client_};
  }

 private:
  std::string method_ = "GET";
  std::string path_ = "/";
  std::string query_;
  std::string host_ = "example.com";
  std::vector<std::pair<std::string, std::string>> fields_;
  net::IpAddress client_ = net::IpAddress::from_v4(0x7f000001);
  http::RequestHead head_;
  std::string host_matched_;
  std::string canonical_;
  std::string decoded_;
};

}  // namespace limpet::routing
