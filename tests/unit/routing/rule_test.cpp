#include "routing/rule.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "request.h"

namespace limpet::routing {
namespace {

using R = TestRequest;

Rule rule_of(std::string_view text) {
  auto rule = Rule::parse(text);
  if (!rule)
    ADD_FAILURE() << text << "\n  at " << rule.error().offset << ": expected " << rule.error().expected;
  return std::move(rule).value();
}

struct MatchCase {
  const char* rule;
  R request;
  bool matches;
};

class RuleMatches : public testing::TestWithParam<MatchCase> {};

TEST_P(RuleMatches, AsTraefikDoes) {
  MatchCase test = GetParam();
  EXPECT_EQ(rule_of(test.rule).matches(test.request.subject()), test.matches) << test.rule;
}

INSTANTIATE_TEST_SUITE_P(
    Host, RuleMatches,
    testing::Values(MatchCase{"Host(`example.com`)", R("/"), true},                              //
                    MatchCase{"Host(`example.com`)", R("/", "example.com:8080"), true},          //
                    MatchCase{"Host(`example.com`)", R("/", "EXAMPLE.COM"), true},               //
                    MatchCase{"Host(`EXAMPLE.com`)", R("/", "example.com"), true},               //
                    MatchCase{"Host(`example.com`)", R("/", "example.com."), true},              //
                    MatchCase{"Host(`example.com.`)", R("/", "example.com"), true},              //
                    MatchCase{"Host(`example.com.`)", R("/", "example.com.:80"), true},          //
                    MatchCase{"Host(`example.com`)", R("/", "example.org"), false},              //
                    MatchCase{"Host(`example.com`)", R("/", "a.example.com"), false},            //
                    MatchCase{"Host(`example.com`)", R("/", ""), false},                         //
                    MatchCase{"Host(`xn--9t9h.com`)", R("/", "xn--9t9h.com"), true},             //
                    MatchCase{"Host(`127.0.0.1`)", R("/", "127.0.0.1:3000"), true},              //
                    MatchCase{"Host(`[::1]`)", R("/", "[::1]:3000"), true},                      //
                    MatchCase{"Host(`::1`)", R("/", "[::1]"), true},                             //
                    MatchCase{"Host(`*.example.com`)", R("/", "a.example.com"), true},           //
                    MatchCase{"Host(`*.example.com`)", R("/", "b.a.example.com"), false},        //
                    MatchCase{"Host(`*.example.com`)", R("/", "example.com"), false},            //
                    MatchCase{"Host(`*.example.com`)", R("/", ".example.com"), false},           //
                    MatchCase{"Host(`**.example.com`)", R("/", "a.example.com"), true},          //
                    MatchCase{"Host(`**.example.com`)", R("/", "b.a.Example.com:1"), true},      //
                    MatchCase{"Host(`**.example.com`)", R("/", "example.com"), false},           //
                    MatchCase{"HostRegexp(`^[a-z-]+\\.com$`)", R("/", "example.com:80"), true},  //
                    MatchCase{"HostRegexp(`^[A-Z-]+\\.com$`)", R("/", "Example.com"), true},     //
                    MatchCase{"HostRegexp(`^[a-z-]+\\.com$`)", R("/", "example.org"), false},    //
                    MatchCase{"HostRegexp(`example`)", R("/", "www.example.org"), true},         //
                    MatchCase{"HostRegexp(`^a{2,3}\\.example$`)", R("/", "aaa.example"), true}));

INSTANTIATE_TEST_SUITE_P(Path, RuleMatches,
                         testing::Values(MatchCase{"Path(`/css`)", R("/css"), true},                      //
                                         MatchCase{"Path(`/css`)", R("/css?a=b"), true},                  //
                                         MatchCase{"Path(`/css`)", R("/css/"), false},                    //
                                         MatchCase{"Path(`/css`)", R("/CSS"), false},                     //
                                         MatchCase{"Path(`/a b`)", R("/a%20b"), true},                    //
                                         MatchCase{"Path(`/a%2Fb`)", R("/a%2fb"), true},                  //
                                         MatchCase{"Path(`/a/b`)", R("/a%2Fb"), false},                   //
                                         MatchCase{"Path(`/products/{id}`)", R("/products/{id}"), true},  //
                                         MatchCase{"PathPrefix(`/css`)", R("/css"), true},                //
                                         MatchCase{"PathPrefix(`/css`)", R("/css/main.css"), true},       //
                                         MatchCase{"PathPrefix(`/css`)", R("/cssmain"), true},            //
                                         MatchCase{"PathPrefix(`/css/`)", R("/css"), false},              //
                                         MatchCase{"PathPrefix(`/`)", R("/"), true},                      //
                                         MatchCase{"PathPrefix(`/`)", R("*"), false},                     //
                                         MatchCase{"PathRegexp(`^/(css|js)`)", R("/js/main.js"), true},   //
                                         MatchCase{"PathRegexp(`^/(css|js)`)", R("/html"), false},        //
                                         MatchCase{"PathRegexp(`^/(css|js)`)", R("/CSS"), false},         //
                                         MatchCase{"PathRegexp(`(?i)^/(css|js)`)", R("/CSS"), true},      //
                                         MatchCase{"PathRegexp(`\\.(jpeg|jpg|png)$`)", R("/img/a.png"),
                                                   true},                                                //
                                         MatchCase{"PathRegexp(\"\\\\.png$\")", R("/img/a.png"), true},  //
                                         MatchCase{"PathRegexp(`^/a|b`)", R("/xb"), true}));

INSTANTIATE_TEST_SUITE_P(
    MethodHeaderQuery, RuleMatches,
    testing::Values(
        MatchCase{"Method(`GET`)", R("/"), true},                    //
        MatchCase{"Method(`get`)", R("/"), true},                    //
        MatchCase{"Method(`GET`)", R("/").method("get"), false},     //
        MatchCase{"Method(`POST`)", R("/"), false},                  //
        MatchCase{"Method(`PURGE`)", R("/").method("PURGE"), true},  //
        MatchCase{"Header(`X-Forwarded-Proto`, `https`)", R("/").field("X-Forwarded-Proto", "https"),
                  true},  //
        MatchCase{"Header(`x-forwarded-proto`, `https`)", R("/").field("X-FORWARDED-PROTO", "https"),
                  true},                                                                             //
        MatchCase{"Header(`X-Room`, `7`)", R("/").field("x-room", "7"), true},                       //
        MatchCase{"Header(`X-Room`, `7`)", R("/").field("x-room", "6").field("X-Room", "7"), true},  //
        MatchCase{"Header(`X-Room`, `7`)", R("/").field("x-room", "77"), false},                     //
        MatchCase{"Header(`X-Room`, `7`)", R("/").field("x-rooms", "7"), false},                     //
        MatchCase{"Header(`X-Room`, `A`)", R("/").field("X-Room", "a"), false},                      //
        MatchCase{"Header(`X-Room`, `7`)", R("/"), false},                                           //
        MatchCase{"HeaderRegexp(`Content-Type`, `^application/(json|yaml)$`)",
                  R("/").field("content-type", "application/json"), true},  //
        MatchCase{"HeaderRegexp(`Content-Type`, `^application/(json|yaml)$`)",
                  R("/").field("content-type", "application/jsons"), false},                                //
        MatchCase{"HeaderRegexp(`X-Id`, `^[0-9]+$`)", R("/").field("X-Id", "a").field("X-Id", "1"), true},  //
        MatchCase{"Query(`mobile`, `true`)", R("/s?mobile=true"), true},                                    //
        MatchCase{"Query(`mobile`, `true`)", R("/s?a=1&mobile=false&mobile=true"), true},                   //
        MatchCase{"Query(`mobile`, `true`)", R("/s?mobile=True"), false},                                   //
        MatchCase{"Query(`mobile`, `true`)", R("/s"), false},                                               //
        MatchCase{"Query(`mobile`)", R("/s?mobile"), true},                                                 //
        MatchCase{"Query(`mobile`)", R("/s?mobile="), true},                                                //
        MatchCase{"Query(`mobile`)", R("/s?mobile=true"), false},                                           //
        MatchCase{"Query(`mobile`)", R("/s?mobil"), false},                                                 //
        MatchCase{"Query(`q`, `a b`)", R("/s?q=a+b"), true},                                                //
        MatchCase{"Query(`q`, `a b`)", R("/s?q=a%20b"), true},                                              //
        MatchCase{"Query(`a&b`, `=`)", R("/s?a%26b=%3D"), true},                                            //
        MatchCase{"Query(`q`, `=`)", R("/s?q=="), true},                                                    //
        MatchCase{"Query(`a`, `1`)", R("/s?a=1;b=2"), false},                                               //
        MatchCase{"QueryRegexp(`mobile`, `^(true|yes)$`)", R("/s?mobile=yes"), true},                       //
        MatchCase{"QueryRegexp(`mobile`, `^(true|yes)$`)", R("/s?mobile=no"), false},                       //
        MatchCase{"QueryRegexp(`mobile`)", R("/s?mobile"), true},                                           //
        MatchCase{"QueryRegexp(`mobile`)", R("/s?mobile=1"), false}));

INSTANTIATE_TEST_SUITE_P(
    ClientIp, RuleMatches,
    testing::Values(MatchCase{"ClientIP(`127.0.0.1`)", R("/"), true},                                    //
                    MatchCase{"ClientIP(`127.0.0.1`)", R("/").client("192.168.1.1"), false},             //
                    MatchCase{"ClientIP(`192.168.1.0/24`)", R("/").client("192.168.1.100"), true},       //
                    MatchCase{"ClientIP(`192.168.1.0/24`)", R("/").client("192.168.2.1"), false},        //
                    MatchCase{"ClientIP(`192.168.1.0/24`)", R("/").client("::ffff:192.168.1.7"), true},  //
                    MatchCase{"ClientIP(`::1`)", R("/").client("::1"), true},                            //
                    MatchCase{"ClientIP(`2001:db8::/32`)", R("/").client("2001:db8:1::5"), true},        //
                    MatchCase{"ClientIP(`2001:db8::/32`)", R("/").client("2001:db9::5"), false}));

INSTANTIATE_TEST_SUITE_P(
    Operators, RuleMatches,
    testing::Values(MatchCase{"Host(`example.com`) && Path(`/a`)", R("/a"), true},             //
                    MatchCase{"Host(`example.com`) && Path(`/a`)", R("/b"), false},            //
                    MatchCase{"Host(`a.com`) || Host(`example.com`)", R("/"), true},           //
                    MatchCase{"Host(`a.com`) || Host(`b.com`)", R("/"), false},                //
                    MatchCase{"!Path(`/a`)", R("/b"), true},                                   //
                    MatchCase{"!Path(`/a`)", R("/a"), false},                                  //
                    MatchCase{"!!Path(`/a`)", R("/a"), true},                                  //
                    MatchCase{"!(Path(`/a`) || Path(`/b`))", R("/b"), false},                  //
                    MatchCase{"!(Path(`/a`) && Method(`GET`))", R("/a").method("PUT"), true},  //
                    MatchCase{"Path(`/x`) || Path(`/a`) && Method(`PUT`)", R("/x"), true},     //
                    MatchCase{"(Path(`/x`) || Path(`/a`)) && Method(`PUT`)", R("/x"), false},  //
                    MatchCase{"Method(`PUT`) && Path(`/x`) || Path(`/a`)", R("/a"), true},     //
                    MatchCase{"!Method(`GET`) || Path(`/a`)", R("/a"), true},                  //
                    MatchCase{"!(Method(`GET`) || Path(`/a`))", R("/a"), false},               //
                    MatchCase{"!Method(`PUT`) && !Path(`/b`)", R("/a"), true},                 //
                    MatchCase{"((((Path(`/a`)))))", R("/a"), true},                            //
                    MatchCase{" \tHOST ( `example.com` , )\r\n&&path(\"/a\")&&pAtHpReFiX(`/`)", R("/a"),
                              true},  //
                    MatchCase{"Path(\"/\\x61\\142\\u00e9\\U0001F600\\\"\\\\\")",
                              R("/ab\xC3\xA9\xF0\x9F\x98\x80\"\\"), true}));

struct ErrorCase {
  const char* rule;
  std::size_t offset;
  const char* expected;  ///< a part of it
};

class RuleErrors : public testing::TestWithParam<ErrorCase> {};

TEST_P(RuleErrors, PointAtThePlaceAndSayWhatIsExpected) {
  const ErrorCase& test = GetParam();
  const auto rule = Rule::parse(test.rule);
  ASSERT_FALSE(rule.has_value()) << test.rule;
  EXPECT_EQ(rule.error().offset, test.offset) << test.rule << ": expected " << rule.error().expected;
  EXPECT_NE(rule.error().expected.find(test.expected), std::string::npos)
      << test.rule << ": expected " << rule.error().expected;
}

INSTANTIATE_TEST_SUITE_P(
    Grammar, RuleErrors,
    testing::Values(ErrorCase{"", 0, "a rule"},                                                      //
                    ErrorCase{"  ", 0, "a rule"},                                                    //
                    ErrorCase{"Host", 4, "\"(\" after Host"},                                        //
                    ErrorCase{"Host(`a.b`", 10, "\",\" or \")\", not the end of the rule"},          //
                    ErrorCase{"Host(`a.b`) Path(`/`)", 12, "&&, || or the end of the rule"},         //
                    ErrorCase{"Host(`a.b`) and Path(`/`)", 12, "write && for \"and\""},              //
                    ErrorCase{"Host(`a.b`) && ", 15, "a matcher such as"},                           //
                    ErrorCase{"Host(`a.b`) & Path(`/`)", 12, "\"&&\", not a single \"&\""},          //
                    ErrorCase{"Host(`a.b`) | Path(`/`)", 12, "\"||\", not a single \"|\""},          //
                    ErrorCase{"|| Host(`a.b`)", 0, "a matcher such as"},                             //
                    ErrorCase{"Host(`a.b`))", 11, "not )"},                                          //
                    ErrorCase{"(Host(`a.b`)", 12, "the \")\" for the \"(\" in column 1"},            //
                    ErrorCase{"()", 1, "a matcher such as"},                                         //
                    ErrorCase{"not Host(`a.b`)", 0, "write ! for \"not\""},                          //
                    ErrorCase{"Host(a.b)", 5, "a value in back-ticks or double quotes, not \"a\""},  //
                    ErrorCase{"Host('a.b')", 5, "not in single quotes"},                             //
                    ErrorCase{"Host(`a.b)", 5, "a back-tick that closes"},                           //
                    ErrorCase{"Host(\"a.b)", 5, "a double quote that closes"},                       //
                    ErrorCase{"Host(\"a\nb\")", 5, "a double quote that closes"},                    //
                    ErrorCase{"Host(\"a\\qb\")", 7, "one of the escapes"},                           //
                    ErrorCase{"Host(\"a\\", 7, "one of the escapes"},                                //
                    ErrorCase{"Host(\"\\x6\")", 9, "2 hexadecimal digits"},                          //
                    ErrorCase{"Host(\"\\18\")", 8, "3 octal digits"},                                //
                    ErrorCase{"Host(\"\\777\")", 6, "octal escape of at most"},                      //
                    ErrorCase{"Host(\"\\ud800\")", 6, "without surrogates"},                         //
                    ErrorCase{"Host(`a.b`) && #", 15, "a matcher"},                                  //
                    ErrorCase{"Host:a.b", 4, "write Host(`value`)"},                                 //
                    ErrorCase{"42", 0, "a matcher"}));

INSTANTIATE_TEST_SUITE_P(
    Matchers, RuleErrors,
    testing::Values(ErrorCase{"Hots(`a.b`)", 0, "did you mean Host?"},                                 //
                    ErrorCase{"Path(`/`) && PathPrefx(`/`)", 13, "did you mean PathPrefix?"},          //
                    ErrorCase{"Cookie(`a`)", 0, "a matcher (ClientIP, Header,"},                       //
                    ErrorCase{"Host()", 5, "a value for Host"},                                        //
                    ErrorCase{"Host(``)", 5, "a value that is not empty"},                             //
                    ErrorCase{"Host(`\xF0\x9F\xA6\xAD.com`)", 5, "punycode"},                          //
                    ErrorCase{"Host(`a.b:80`)", 5, "without a port"},                                  //
                    ErrorCase{"Host(`[::1]:80`)", 5, "without a port"},                                //
                    ErrorCase{"Host(`http://a.b`)", 5, "without scheme"},                              //
                    ErrorCase{"Host(`a.b, c.d`)", 5, "join several matchers with ||"},                 //
                    ErrorCase{"Host(`a.*.b`)", 5, "write HostRegexp for other patterns"},              //
                    ErrorCase{"Host(`*`)", 5, "leave Host out"},                                       //
                    ErrorCase{"Host(`a$b`)", 5, "letters, digits"},                                    //
                    ErrorCase{"Host(`.`)", 5, "a host name"},                                          //
                    ErrorCase{"HostRegexp(`(a.b`)", 11, "a regular expression"},                       //
                    ErrorCase{"HostRegexp(`\xC3\xA9`)", 11, "punycode"},                               //
                    ErrorCase{"Path(`css`)", 5, "begins with \"/\""},                                  //
                    ErrorCase{"PathPrefix(`css`)", 11, "begins with \"/\""},                           //
                    ErrorCase{"PathRegexp(`/(css`)", 11, "a regular expression"},                      //
                    ErrorCase{"Header(`a`)", 10, "a second value for Header"},                         //
                    ErrorCase{"Header()", 7, "a name for Header"},                                     //
                    ErrorCase{"Header(`a`, ``)", 12, "not empty"},                                     //
                    ErrorCase{"Header(`a`, `b`, `c`)", 17, "\")\": Header takes a name and a value"},  //
                    ErrorCase{"Header(`a b`, `c`)", 7, "the name of a header field"},                  //
                    ErrorCase{"HeaderRegexp(`a`, `(`)", 18, "a regular expression"},                   //
                    ErrorCase{"Query()", 6, "a name for Query"},                                       //
                    ErrorCase{"Query(`a`, ``)", 11, "with the name alone holds for an empty one"},     //
                    ErrorCase{"QueryRegexp(`a`, `[`)", 17, "a regular expression"},                    //
                    ErrorCase{"ClientIP(`1`)", 9, "an IP address or a range"},                         //
                    ErrorCase{"ClientIP(`10.0.0.0/33`)", 9, "an IP address or a range"}));

INSTANTIATE_TEST_SUITE_P(
    OldSyntax, RuleErrors,
    testing::Values(
        ErrorCase{"Host(`a.b`, `c.d`)", 12, "write Host(`a.b`) || Host(`c.d`)"},                  //
        ErrorCase{"Method(`GET`, `PUT`)", 14, "write Method(`GET`) || Method(`PUT`)"},            //
        ErrorCase{"ClientIP(`10.0.0.1`, `10.0.0.2`)", 21, "one value in Traefik v3"},             //
        ErrorCase{"Headers(`a`, `b`)", 0, "write Header(`name`, `value`)"},                       //
        ErrorCase{"HeadersRegexp(`a`, `b`)", 0, "write HeaderRegexp("},                           //
        ErrorCase{"HostHeader(`a.b`)", 0, "write Host("},                                         //
        ErrorCase{"HostSNI(`*`)", 0, "it is for TCP routers"},                                    //
        ErrorCase{"PathPrefixStrip(`/a`)", 0, "stripPrefix"},                                     //
        ErrorCase{"Query(`mobile=true`)", 6, "Query(`mobile`, `true`)"},                          //
        ErrorCase{"HostRegexp(`{sub:[a-z]+}.a.b`)", 11, "write HostRegexp(`^[a-z]+\\.a\\.b$`)"},  //
        ErrorCase{"HostRegexp(`{sub}.a.b`)", 11, "write HostRegexp(`^[^.]+\\.a\\.b$`)"},          //
        ErrorCase{"Host(`{sub:[a-z]{2}}.a.b`)", 5, "write HostRegexp(`^[a-z]{2}\\.a\\.b$`)"},     //
        ErrorCase{"Path(`/p/{id:[0-9]+}`)", 5, "write PathRegexp(`^/p/[0-9]+$`)"},                //
        ErrorCase{"PathPrefix(`/p/{c}/{id:[0-9]+}`)", 11, "write PathRegexp(`^/p/[^/]+/[0-9]+`)"}));

TEST(Rule, RefusesTooManyParentheses) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "Path(`/`)" + std::string(depth, ')');
  };
  EXPECT_TRUE(Rule::parse(nested(64)).has_value());
  const auto rule = Rule::parse(nested(100'000));
  ASSERT_FALSE(rule.has_value());
  EXPECT_EQ(rule.error().offset, 64U);
}

TEST(Rule, TakesLongChainsOfOperators) {
  std::string any = "Path(`/0`)";
  for (int i = 1; i < 20'000; ++i) any += " || Path(`/" + std::to_string(i) + "`)";
  EXPECT_TRUE(rule_of(any).matches(R("/19999").subject()));
  EXPECT_TRUE(rule_of(std::string(100'000, '!') + "Path(`/`)").matches(R("/").subject()));
}

TEST(Rule, TextIsCanonical) {
  EXPECT_EQ(rule_of("host(\"A.b.\")&&(path(`/a`)||(!(!method(`get`))))").text(),
            "Host(`a.b`) && (Path(`/a`) || Method(`GET`))");
  EXPECT_EQ(rule_of("(Path(`/a`) || Path(`/b`)) || !(Path(`/c`) && (Path(`/d`) && Path(`/e`)))").text(),
            "Path(`/a`) || Path(`/b`) || !(Path(`/c`) && Path(`/d`) && Path(`/e`))");
  EXPECT_EQ(rule_of("Header(`x-room-id`, \"a`b\\\"\\\\\\r\\n\")").text(),
            "Header(`X-Room-Id`, \"a`b\\\"\\\\\\r\\n\")");
}

TEST(Rule, PriorityIsTheLengthOfTheText) {
  EXPECT_EQ(rule_of("Host(`a.b`)").default_priority(), 11);
  EXPECT_EQ(rule_of(" Host( `a.b`)").default_priority(), 13);
  EXPECT_EQ(rule_of("Host(`*.a.b`)").default_priority(), 13);
  EXPECT_EQ(rule_of("Host(`**.a.b`)").default_priority(), 12);
  EXPECT_EQ(rule_of("!Host(`**.a.b`)").default_priority(), 15);
}

using Texts = std::optional<std::vector<std::string>>;

TEST(Rule, KnowsItsHosts) {
  EXPECT_EQ(rule_of("Host(`A.b`)").required_hosts(), Texts({"a.b"}));
  EXPECT_EQ(rule_of("Host(`b`) || Host(`a`) || Host(`b`)").required_hosts(), Texts({"a", "b"}));
  EXPECT_EQ(rule_of("Host(`a`) || Path(`/`)").required_hosts(), std::nullopt);
  EXPECT_EQ(rule_of("Path(`/`) && (Host(`a`) || Host(`b`)) && Host(`c`)").required_hosts(), Texts({"c"}));
  EXPECT_EQ(rule_of("!Host(`a`)").required_hosts(), std::nullopt);
  EXPECT_EQ(rule_of("!(!Host(`a`) || Path(`/`))").required_hosts(), Texts({"a"}));
  EXPECT_EQ(rule_of("!(!Host(`a`) && !Host(`b`))").required_hosts(), Texts({"a", "b"}));
  EXPECT_EQ(rule_of("HostRegexp(`a`)").required_hosts(), std::nullopt);
}

TEST(Rule, KnowsItsPathPrefixes) {
  EXPECT_EQ(rule_of("Path(`/a`) || PathPrefix(`/b`)").required_path_prefixes(), Texts({"/a", "/b"}));
  EXPECT_EQ(rule_of("PathPrefix(`/`) && PathPrefix(`/api`)").required_path_prefixes(), Texts({"/api"}));
  EXPECT_EQ(rule_of("Path(`/a`) || Host(`a`)").required_path_prefixes(), std::nullopt);
  EXPECT_EQ(rule_of("!Path(`/a`)").required_path_prefixes(), std::nullopt);
  EXPECT_EQ(rule_of("PathRegexp(`^/api/v[0-9]`)").required_path_prefixes(), Texts({"/api/v"}));
  EXPECT_EQ(rule_of("PathRegexp(`^/a\\.b+c`)").required_path_prefixes(), Texts({"/a."}));
  EXPECT_EQ(rule_of("PathRegexp(`^/(a|b)`)").required_path_prefixes(), Texts({"/"}));
  EXPECT_EQ(rule_of("PathRegexp(`^/[(]a|/b`)").required_path_prefixes(), std::nullopt);
  EXPECT_EQ(rule_of("PathRegexp(`^/a[\\]|(]x|/b`)").required_path_prefixes(), std::nullopt);
  EXPECT_EQ(rule_of("PathRegexp(`^*/a`)").required_path_prefixes(), std::nullopt);
  EXPECT_EQ(rule_of("PathRegexp(`/a`)").required_path_prefixes(), std::nullopt);
}

}  // namespace
}  // namespace limpet::routing
