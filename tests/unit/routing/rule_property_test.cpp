#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "random_rules.h"
#include "routing/rule.h"

namespace limpet::routing {
namespace {

RC_GTEST_PROP(RuleProperty, TextParsesToAnEqualRule, ()) {
  const Rule rule = Rule::parse(*random_rule()).value();
  const std::string text = rule.text();
  const Rule again = Rule::parse(text).value();
  RC_ASSERT(again == rule);
  RC_ASSERT(again.text() == text);
}

RC_GTEST_PROP(RuleProperty, TextMeansTheSame, ()) {
  const Rule rule = Rule::parse(*random_rule()).value();
  const Rule again = Rule::parse(rule.text()).value();
  TestRequest request = *random_request();
  RC_ASSERT(again.matches(request.subject()) == rule.matches(request.subject()));
}

RC_GTEST_PROP(RuleProperty, AnyValueCanBeWritten, (const std::string& value)) {
  RC_PRE(!value.empty());
  std::string quoted = "Header(`k`, \"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    constexpr std::string_view kHex = "0123456789abcdef";
    quoted += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xFU]};
  }
  const Rule rule = Rule::parse(quoted + "\")").value();
  RC_ASSERT(rule.matches(TestRequest("/").field("K", value).subject()));
  RC_ASSERT(Rule::parse(rule.text()).value() == rule);
}

RC_GTEST_PROP(RuleProperty, OperatorsAreThoseOfLogic, ()) {
  const std::string a = *random_rule(2);
  const std::string b = *random_rule(2);
  TestRequest request = *random_request();
  const auto holds = [&](const std::string& text) {
    return Rule::parse(text).value().matches(request.subject());
  };
  const bool a_holds = holds(a);
  const bool b_holds = holds(b);
  RC_ASSERT(holds("!(" + a + ")") == !a_holds);
  RC_ASSERT(holds("(" + a + ") && (" + b + ")") == (a_holds && b_holds));
  RC_ASSERT(holds("(" + a + ") || (" + b + ")") == (a_holds || b_holds));
}

RC_GTEST_PROP(RuleProperty, AnyTextIsReadOrRefusedWithinItself, (const std::string& text)) {
  const auto rule = Rule::parse(text);
  if (!rule) RC_ASSERT(rule.error().offset <= text.size());
}

}  // namespace
}  // namespace limpet::routing
