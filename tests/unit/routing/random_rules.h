#pragma once

#include <rapidcheck.h>

#include <string>
#include <vector>

#include "request.h"

namespace limpet::routing {

// Few values, so that random rules and random requests often meet.
inline const std::vector<std::string> kHosts = {"a.test", "b.test", "x.a.test", "y.x.a.test", "c.example"};
inline const std::vector<std::string> kHostPatterns = {"a.test",    "b.test",  "*.a.test",
                                                       "**.a.test", "**.test", "A.Test."};
inline const std::vector<std::string> kPaths = {"/",  "/a",     "/a/b",   "/a/bc", "/ab",
                                                "/b", "/b/a/b", "/c%2Fd", "/a.b"};
inline const std::vector<std::string> kPathPatterns = {"^/a",    "^/a/(b|c)$", "/b$",     "^/(a|b)/",
                                                       "^/a|/b", "^/ab?",      "^/a\\.b", "(?i)^/A"};

/// A random matcher as text.
inline rc::Gen<std::string> random_matcher() {
  const auto one = [](const char* name, const std::vector<std::string>& values) {
    return rc::gen::map(rc::gen::elementOf(values),
                        [name](const std::string& value) { return std::string(name) + "(`" + value + "`)"; });
  };
  return rc::gen::oneOf(one("Host", kHostPatterns), one("Path", kPaths), one("PathPrefix", kPaths),
                        one("PathRegexp", kPathPatterns), one("HostRegexp", {"^a", "test$", "^[xy]\\."}),
                        one("Method", {"GET", "POST"}), one("Query", {"q", "r"}),
                        one("ClientIP", {"10.0.0.0/8", "10.1.0.0/16", "::1"}),
                        rc::gen::element<std::string>(
                            "Header(`X-Room`, `1`)", "HeaderRegexp(`x-room`, `^[12]$`)", "Query(`q`, `1`)",
                            "QueryRegexp(`q`, `^[12]$`)", "Header(\"x-a\", \"a`\\\"\\\\\")"));
}

/// A random rule as text, with redundant parentheses and blanks.
inline rc::Gen<std::string> random_rule(int depth = 3) {
  if (depth == 0) return random_matcher();
  const auto part = [depth] { return random_rule(depth - 1); };
  const auto joined = [part](const char* op) {
    return rc::gen::map(rc::gen::pair(part(), part()),
                        [op](const std::pair<std::string, std::string>& parts) {
                          return "(" + parts.first + ")" + op + "\t(" + parts.second + ")";
                        });
  };
  const auto bare = [part](const char* op) {
    return rc::gen::map(
        rc::gen::pair(part(), random_matcher()),
        [op](const std::pair<std::string, std::string>& parts) { return parts.first + op + parts.second; });
  };
  return rc::gen::oneOf(random_matcher(), joined("&&"), joined(" || "), bare(" && "), bare("||"),
                        rc::gen::map(part(), [](const std::string& inner) { return "!(" + inner + ")"; }),
                        rc::gen::map(part(), [](const std::string& inner) { return "( " + inner + ")"; }));
}

inline rc::Gen<TestRequest> random_request() {
  return rc::gen::exec([] {
    const std::string path = *rc::gen::elementOf(kPaths);
    TestRequest request(path + *rc::gen::element<std::string>("", "?q", "?q=1", "?r&q=2", "?q=3"),
                        *rc::gen::elementOf(kHosts));
    request.method(*rc::gen::element<std::string>("GET", "POST", "PUT"));
    request.client(*rc::gen::element<std::string>("10.0.0.1", "10.1.2.3", "::1", "192.0.2.1"));
    if (*rc::gen::arbitrary<bool>()) request.field("X-Room", *rc::gen::element<std::string>("1", "2", "3"));
    return request;
  });
}

}  // namespace limpet::routing
