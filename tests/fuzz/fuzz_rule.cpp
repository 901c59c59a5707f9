#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "routing/router_table.h"
#include "routing/rule.h"
#include "routing/snapshot.h"

namespace {

using limpet::routing::Route;
using limpet::routing::RouterTable;
using limpet::routing::Rule;
using limpet::routing::Subject;

/// A host that the pattern stands for: "x.a.b" for "*.a.b".
std::string host_for(std::string_view pattern) {
  if (!pattern.starts_with('*')) return std::string(pattern);
  return "x" + std::string(pattern.substr(pattern.find_first_not_of('*')));
}

void check_matching(const Route& route, const Subject& subject) {
  const RouterTable table({{&route.rule, &route, 1}});
  LIMPET_CHECK((table.find(subject) != nullptr) == route.rule.matches(subject));
}

}  // namespace

/// What is read is written and read again alike, and a table with an index finds what the rule alone says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  auto rule = Rule::parse(text);
  if (!rule) {
    LIMPET_CHECK(rule.error().offset <= size && !rule.error().expected.empty());
    return 0;
  }
  const std::string canonical = rule->text();
  const auto again = Rule::parse(canonical);
  LIMPET_CHECK(again.has_value() && *again == *rule && again->text() == canonical);

  const Route route{.router = "fuzz", .rule = std::move(*rule)};
  limpet::http::RequestHead head;
  head.method_text = "GET";
  head.query = "a=1&b=%41+&c&=";
  head.fields = {{"X-A", "1", limpet::http::field_id("X-A")},
                 {"Cookie", "a=b", limpet::http::field_id("Cookie")}};
  std::array<std::string, 3> hosts = {"", "a.test", "a.test"};
  std::array<std::string, 3> paths = {"*", "/", "/"};
  if (const auto required = route.rule.required_hosts()) hosts[2] = host_for(required->front());
  if (const auto required = route.rule.required_path_prefixes()) paths[2] = required->front();
  for (const std::string& host : hosts) {
    for (const std::string& path : paths) {
      check_matching(route, {.head = &head, .host = host, .path = path, .client = {}});
    }
  }
  return 0;
}
