#include "http/forwarded.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "http/head_writer.h"
#include "http/syntax.h"

namespace limpet::http {
namespace {

constexpr std::string_view kPrefix = "x-forwarded-";
constexpr std::array<std::string_view, 3> kOtherNames = {"x-real-ip", "x-scheme", "forwarded"};

constexpr char fold(char c) {
  return c == '_' ? '-' : base::to_lower(c);
}

bool equals_folded(std::string_view name, std::string_view folded) {
  return std::ranges::equal(name, folded, {}, fold);
}

bool speaks_of_forwarding(std::string_view name) {
  return equals_folded(name.substr(0, kPrefix.size()), kPrefix) ||
         std::ranges::any_of(kOtherNames, [&](std::string_view other) { return equals_folded(name, other); });
}

// The first value of each field that is kept if it came in.
struct Incoming {
  std::string_view proto;
  std::string_view host;
  std::string_view port;
  std::string_view real_ip;
};

Incoming read_incoming(const std::vector<Field>& fields) {
  Incoming in;
  const auto keep_first = [](std::string_view& kept, std::string_view value) {
    if (kept.empty()) kept = value;
  };
  for (const Field& field : fields) {
    switch (field.id) {
      case FieldId::kXForwardedProto:
        keep_first(in.proto, field.value);
        break;
      case FieldId::kXForwardedHost:
        keep_first(in.host, field.value);
        break;
      case FieldId::kXForwardedPort:
        keep_first(in.port, field.value);
        break;
      case FieldId::kXRealIp:
        keep_first(in.real_ip, field.value);
        break;
      default:
        break;
    }
  }
  return in;
}

std::string_view proto_of(const RequestHead& head, bool tls) {
  if (head.websocket) return tls ? "wss" : "ws";
  return tls ? "https" : "http";
}

std::string_view port_for(const RequestHead& head, std::string_view proto, bool tls) {
  if (const std::string_view port = port_of(head.host); !port.empty()) return port;
  return tls || proto == "https" || proto == "wss" ? "443" : "80";
}

// Appends "name: a, b, last" of all values that came in.
void append_list(std::string& out, std::string_view name, const std::vector<Field>& fields, FieldId id,
                 bool with_incoming, std::string_view last_a, std::string_view last_b) {
  out.append(name).append(": ");
  bool first = true;
  const auto separate = [&] {
    if (!first) out.append(", ");
    first = false;
  };
  for (const Field& field : fields) {
    if (!with_incoming || field.id != id || field.value.empty()) continue;
    separate();
    out.append(field.value);
  }
  if (!last_a.empty()) {
    separate();
    out.append(last_a).append(last_b);
  }
  out.append("\r\n");
}

bool has_field(const std::vector<Field>& fields, FieldId id) {
  return std::ranges::any_of(fields, [id](const Field& field) { return field.id == id; });
}

// Calls `visit` with each entry of X-Forwarded-For from right to left until it returns true.
template <class Visit>
void visit_from_right(const std::vector<Field>& fields, Visit&& visit) {
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    if (field->id != FieldId::kXForwardedFor) continue;
    std::string_view rest = field->value;
    while (true) {
      const std::size_t comma = rest.rfind(',');
      const std::string_view entry =
          trim_blanks(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      if (visit(entry)) return;
      if (comma == std::string_view::npos) break;
      rest = rest.substr(0, comma);
    }
  }
}

std::string_view entry_at_depth(const std::vector<Field>& fields, std::uint32_t depth) {
  std::string_view found;
  visit_from_right(fields, [&](std::string_view entry) {
    if (--depth > 0) return false;
    found = entry;
    return true;
  });
  return found;
}

std::string_view entry_outside(const std::vector<Field>& fields, const std::vector<net::IpRange>& excluded) {
  std::string_view found;
  visit_from_right(fields, [&](std::string_view entry) {
    if (entry.empty()) return false;
    const auto address = net::IpAddress::parse(entry);
    if (address && net::contains(excluded, *address)) return false;
    found = entry;
    return true;
  });
  return found;
}

}  // namespace

bool is_replaced_by_forwarded(const Field& field, const ForwardedInput& input) noexcept {
  switch (field.id) {
    case FieldId::kXForwardedFor:
    case FieldId::kXForwardedProto:
    case FieldId::kXForwardedHost:
    case FieldId::kXForwardedPort:
    case FieldId::kXForwardedServer:
    case FieldId::kXRealIp:
      return true;
    case FieldId::kVia:
      return !input.via.empty();
    case FieldId::kForwarded:
    case FieldId::kXForwardedPrefix:
      return !input.trusted;
    case FieldId::kOther:
      return !input.trusted && speaks_of_forwarding(field.name);
    default:
      return false;
  }
}

void append_forwarded(const RequestHead& head, const ForwardedInput& input, std::string& out) {
  const Incoming in = input.trusted ? read_incoming(head.fields) : Incoming{};
  HeadWriter writer(out);
  if (!input.client_ip.empty() || (input.trusted && has_field(head.fields, FieldId::kXForwardedFor))) {
    append_list(out, "X-Forwarded-For", head.fields, FieldId::kXForwardedFor, input.trusted, input.client_ip,
                {});
  }
  const std::string_view host = in.host.empty() ? head.host : in.host;
  if (!host.empty()) writer.field("X-Forwarded-Host", host);
  const std::string_view proto = in.proto.empty() ? proto_of(head, input.tls) : in.proto;
  writer.field("X-Forwarded-Port", in.port.empty() ? port_for(head, proto, input.tls) : in.port);
  writer.field("X-Forwarded-Proto", proto);
  if (!input.server_name.empty()) writer.field("X-Forwarded-Server", input.server_name);
  const std::string_view real_ip = in.real_ip.empty() ? input.client_ip : in.real_ip;
  if (!real_ip.empty()) writer.field("X-Real-Ip", real_ip);
  if (!input.via.empty()) {
    LIMPET_CHECK(is_field_value(input.via));
    append_list(out, "Via", head.fields, FieldId::kVia, true, head.minor_version == 0 ? "1.0 " : "1.1 ",
                input.via);
  }
}

std::string_view client_address(const ClientAddressRule& rule, const std::vector<Field>& fields,
                                const ForwardedInput& input) noexcept {
  if (rule.depth == 0 && rule.excluded.empty()) return input.client_ip;
  if (!input.trusted) return {};
  return rule.depth > 0 ? entry_at_depth(fields, rule.depth) : entry_outside(fields, rule.excluded);
}

}  // namespace limpet::http
