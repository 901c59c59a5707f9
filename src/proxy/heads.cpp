#include "proxy/heads.h"

#include "base/text.h"
#include "http/head_writer.h"
#include "proxy/replay.h"

namespace limpet::proxy {
namespace {

void write_edits(http::HeadWriter& writer, const FieldEdits& edits, std::string_view except) {
  const FieldEdits::Fields& sets = edits.sets();
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto& [name, value] = sets[i];
    if (value.empty() || base::iequals(name, except)) continue;
    bool overruled = false;
    for (std::size_t later = i + 1; later < sets.size(); ++later) {
      overruled = overruled || base::iequals(sets[later].first, name);
    }
    if (!overruled) writer.field(name, value);
  }
  for (const auto& [name, value] : edits.adds()) writer.field(name, value);
}

/// The X-Forwarded fields, but for those that a middleware sets or removes.
void write_forwarded(std::string& out, const ServerRequest& request) {
  const RequestContext& context = *request.context;
  if (context.request_edits.sets().empty()) {
    http::append_forwarded(*context.head, request.forwarded, out);
    return;
  }
  std::string lines;
  http::append_forwarded(*context.head, request.forwarded, lines);
  for (std::string_view rest = lines; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n') + 1);
    if (!context.request_edits.hides(line.substr(0, line.find(':')))) out += line;
    rest.remove_prefix(line.size());
  }
}

void write_framing(http::HeadWriter& writer, const http::Framing& framing) {
  if (framing.kind == http::BodyKind::kLength) writer.field("Content-Length", framing.length);
  if (framing.kind == http::BodyKind::kChunked) writer.field("Transfer-Encoding", "chunked");
}

}  // namespace

void compose_request_head(std::string& out, const ServerRequest& request) {
  const RequestContext& context = *request.context;
  const http::RequestHead& head = *context.head;
  http::HeadWriter writer(out);
  if (request.path_prefix.empty()) {
    writer.request_line(head.method_text, context.path, head.query);
  } else {
    writer.request_line(head.method_text, std::string(request.path_prefix) + std::string(context.path),
                        head.query);
  }
  std::string_view host = request.host;
  for (const auto& [name, value] : context.request_edits.sets()) {
    if (base::iequals(name, "Host") && !value.empty()) host = value;
  }
  writer.field("Host", host);
  const bool edited = !context.request_edits.empty();
  for (const http::Field& field : head.fields) {
    if (field.id == http::FieldId::kHost || field.id == http::FieldId::kContentLength) continue;
    if (http::is_hop_by_hop(field, head.fields)) continue;
    if (http::is_replaced_by_forwarded(field, request.forwarded)) continue;
    if (edited && context.request_edits.hides(field.name)) continue;
    writer.field(field.name, field.value);
  }
  write_forwarded(out, request);
  if (edited) write_edits(writer, context.request_edits, "Host");
  write_framing(writer, head.framing);
  if (!request.upgrade.empty()) {
    writer.field("Connection", "Upgrade");
    writer.field("Upgrade", request.upgrade);
  }
  writer.end();
}

void compose_response_head(std::string& out, const ClientResponse& response) {
  const http::ResponseHead& head = *response.head;
  http::HeadWriter writer(out);
  writer.status_line(head.status, head.reason);
  const bool edited = response.edits != nullptr && !response.edits->empty();
  for (const http::Field& field : head.fields) {
    if (field.id == http::FieldId::kContentLength) {
      if (response.keep_length) writer.field(field.name, field.value);
      continue;
    }
    if (http::is_hop_by_hop(field, head.fields)) continue;
    if (base::iequals(field.name, kReplayField)) continue;
    if (edited && response.edits->hides(field.name)) continue;
    writer.field(field.name, field.value);
  }
  if (response.cookies != nullptr) {
    for (const std::string& cookie : *response.cookies) writer.field("Set-Cookie", cookie);
  }
  if (edited) write_edits(writer, *response.edits, {});
  write_framing(writer, response.framing);
  if (!response.upgrade.empty()) {
    writer.field("Connection", "Upgrade");
    writer.field("Upgrade", response.upgrade);
  } else if (response.close) {
    writer.field("Connection", "close");
  } else if (response.keep_alive_1_0) {
    writer.field("Connection", "keep-alive");
  }
  writer.end();
}

}  // namespace limpet::proxy
