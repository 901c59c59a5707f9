#include "providers/rule_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <variant>

#include "base/text.h"
#include "providers/names.h"
#include "providers/text_cursor.h"

namespace limpet::providers {
namespace {

using Labels = std::map<std::string, std::string>;

constexpr int kMaxDepth = 30;

}  // namespace

/// A text, a truth, or all labels.
struct RuleTemplate::Value {
  std::variant<std::string, bool, const Labels*> held;

  [[nodiscard]] std::string text() const {
    if (const auto* text = std::get_if<std::string>(&held)) return *text;
    if (const auto* flag = std::get_if<bool>(&held)) return *flag ? "true" : "false";
    return {};
  }
  /// As `if` takes it: not empty.
  [[nodiscard]] bool truth() const {
    if (const auto* text = std::get_if<std::string>(&held)) return !text->empty();
    if (const auto* flag = std::get_if<bool>(&held)) return *flag;
    return !std::get<const Labels*>(held)->empty();
  }
};

struct RuleTemplate::Function {
  using Arguments = std::span<const Value>;
  std::string_view name;
  std::size_t least;
  std::size_t most;
  Value (*call)(Arguments);
};

/// A function with its arguments, or a value.
struct RuleTemplate::Expression {
  enum class Kind : std::uint8_t { kText, kTruth, kName, kContainerName, kLabels, kLabel, kCall };
  Kind kind = Kind::kText;
  std::string text;  // the text, or the label's key
  bool truth = false;
  const Function* function = nullptr;
  std::vector<Expression> arguments;
};

/// A piece of the template: a text, a value, or a choice.
struct RuleTemplate::Step {
  enum class Kind : std::uint8_t { kText, kValue, kChoice };
  Kind kind = Kind::kText;
  std::string text;
  Expression expression;
  Steps then;
  Steps otherwise;
};

const RuleTemplate::Function* RuleTemplate::find_function(std::string_view name) {
  using Arguments = Function::Arguments;
  // The value that a pipeline passes on comes last, as in Go.
  static constexpr auto kFunctions = std::to_array<Function>({
      {"index", 2, 2,
       [](Arguments a) -> Value {
         const auto* const* labels = std::get_if<const Labels*>(&a[0].held);
         if (labels == nullptr) return {std::string()};
         const auto found = (*labels)->find(a[1].text());
         return {found == (*labels)->end() ? std::string() : found->second};
       }},
      {"normalize", 1, 1, [](Arguments a) -> Value { return {normalize(a[0].text())}; }},
      {"trim", 1, 1, [](Arguments a) -> Value { return {std::string(base::trim(a[0].text()))}; }},
      {"trimPrefix", 2, 2,
       [](Arguments a) -> Value {
         std::string text = a[1].text();
         if (const std::string prefix = a[0].text(); text.starts_with(prefix)) text.erase(0, prefix.size());
         return {std::move(text)};
       }},
      {"trimSuffix", 2, 2,
       [](Arguments a) -> Value {
         std::string text = a[1].text();
         const std::string suffix = a[0].text();
         if (text.ends_with(suffix)) text.resize(text.size() - suffix.size());
         return {std::move(text)};
       }},
      {"lower", 1, 1, [](Arguments a) -> Value { return {base::to_lower(a[0].text())}; }},
      {"upper", 1, 1,
       [](Arguments a) -> Value {
         std::string text = a[0].text();
         for (char& c : text) {
           if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
         }
         return {std::move(text)};
       }},
      {"replace", 3, 3,
       [](Arguments a) -> Value {
         std::string text = a[2].text();
         const std::string from = a[0].text();
         const std::string to = a[1].text();
         for (std::size_t at = 0; !from.empty() && (at = text.find(from, at)) != std::string::npos;) {
           text.replace(at, from.size(), to);
           at += to.size();
         }
         return {std::move(text)};
       }},
      {"default", 2, 2, [](Arguments a) -> Value { return a[1].truth() ? a[1] : a[0]; }},
      {"contains", 2, 2,
       [](Arguments a) -> Value { return {a[1].text().find(a[0].text()) != std::string::npos}; }},
      {"hasPrefix", 2, 2, [](Arguments a) -> Value { return {a[1].text().starts_with(a[0].text())}; }},
      {"hasSuffix", 2, 2, [](Arguments a) -> Value { return {a[1].text().ends_with(a[0].text())}; }},
      {"print", 1, 20,
       [](Arguments a) -> Value {
         std::string text;
         for (const Value& value : a) text += value.text();
         return {std::move(text)};
       }},
      {"eq", 2, 20,
       [](Arguments a) -> Value {
         return {std::any_of(a.begin() + 1, a.end(),
                             [&](const Value& other) { return other.text() == a[0].text(); })};
       }},
      {"ne", 2, 2, [](Arguments a) -> Value { return {a[0].text() != a[1].text()}; }},
      {"not", 1, 1, [](Arguments a) -> Value { return {!a[0].truth()}; }},
      {"and", 1, 20,
       [](Arguments a) -> Value {
         const auto found = std::ranges::find_if(a, [](const Value& value) { return !value.truth(); });
         return found == a.end() ? a.back() : *found;
       }},
      {"or", 1, 20,
       [](Arguments a) -> Value {
         const auto found = std::ranges::find_if(a, &Value::truth);
         return found == a.end() ? a.back() : *found;
       }},
  });
  const auto* const found = std::ranges::find(kFunctions, name, &Function::name);
  return found == kFunctions.end() ? nullptr : found;
}

std::string RuleTemplate::function_names() {
  return "index, normalize, trim, trimPrefix, trimSuffix, lower, upper, replace, default, contains, "
         "hasPrefix, "
         "hasSuffix, print, eq, ne, not, and, or";
}

/// Reads texts and actions in turn. A pipeline "a | b c" becomes the call b(c, a).
class RuleTemplate::Parser : private TextCursor {
 public:
  template <class T>
  using Result = std::expected<T, base::ParseError>;

  explicit Parser(std::string_view text) : TextCursor(text) {}

  Result<Steps> whole() {
    Result<Steps> steps = block();
    if (steps && ended_by_ != End::kText) return fail("if before it");
    return steps;
  }

 private:
  enum class End : std::uint8_t { kText, kEnd, kElse };

  /// Everything up to the end of the text, or an else or end, which `ended_by_` says.
  Result<Steps> block() {
    if (++depth_ > kMaxDepth) return fail("less nesting");
    Steps steps;
    while (true) {
      read_text(steps);
      if (at_ == text_.size()) {
        ended_by_ = End::kText;
        break;
      }
      if (!open_action()) return fail("*/}}");
      if (at_ < text_.size() && skipped_comment_) continue;
      skip_blanks();
      const std::size_t word_at = at_;
      const std::string_view keyword = word();
      if (keyword == "end" || keyword == "else") {
        ended_by_ = keyword == "end" ? End::kEnd : End::kElse;
        if (keyword == "else") break;  // what follows is the caller's: "if" or the end of the action
        if (!close_action()) return fail("}}");
        break;
      }
      Result<Step> step = keyword == "if" ? choice() : value_at(word_at);
      if (!step) return std::unexpected(std::move(step.error()));
      steps.push_back(std::move(*step));
    }
    --depth_;
    return steps;
  }

  void read_text(Steps& steps) {
    const std::size_t open = std::min(text_.find("{{", at_), text_.size());
    std::string_view piece = text_.substr(at_, open - at_);
    if (trim_next_) piece.remove_prefix(std::min(piece.find_first_not_of(" \t\r\n"), piece.size()));
    const std::string_view rest = text_.substr(open);
    const bool trims = rest.size() > 3 && rest[2] == '-' && base::trim(rest.substr(3, 1)).empty();
    if (trims) piece = piece.substr(0, piece.find_last_not_of(" \t\r\n") + 1);
    trim_next_ = false;
    if (!piece.empty())
      steps.push_back({.kind = Step::Kind::kText,
                       .text = std::string(piece),
                       .expression = {},
                       .then = {},
                       .otherwise = {}});
    at_ = open;
  }

  /// Takes "{{" or "{{-", and a whole comment. False if a comment does not end.
  bool open_action() {
    const std::string_view rest = text_.substr(at_);
    const bool trims = rest.size() > 3 && rest[2] == '-' && base::trim(rest.substr(3, 1)).empty();
    at_ += trims ? 3 : 2;
    skipped_comment_ = false;
    const std::size_t start = at_;
    skip_blanks();
    if (!text_.substr(at_).starts_with("/*")) {
      at_ = start;
      return true;
    }
    const std::size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) return false;
    at_ = end + 2;
    skipped_comment_ = close_action();
    return skipped_comment_;
  }

  bool close_action() {
    skip_blanks();
    const bool spaced = base::trim(text_.substr(at_ - 1, 1)).empty();
    if (text_.substr(at_).starts_with("}}")) {
      at_ += 2;
      return true;
    }
    if (spaced && text_.substr(at_).starts_with("-}}")) {
      at_ += 3;
      trim_next_ = true;
      return true;
    }
    return false;
  }

  Result<Step> value_at(std::size_t place) {
    at_ = place;
    auto expression = pipeline();
    if (!expression) return std::unexpected(std::move(expression.error()));
    if (!close_action()) return fail("}}");
    return Step{.kind = Step::Kind::kValue,
                .text = {},
                .expression = std::move(*expression),
                .then = {},
                .otherwise = {}};
  }

  /// After "if" or "else if".
  Result<Step> choice() {
    if (++depth_ > kMaxDepth) return fail("less nesting");
    auto condition = pipeline();
    if (!condition) return std::unexpected(std::move(condition.error()));
    if (!close_action()) return fail("}}");
    Step step{.kind = Step::Kind::kChoice,
              .text = {},
              .expression = std::move(*condition),
              .then = {},
              .otherwise = {}};
    Result<Steps> then = block();
    if (!then) return std::unexpected(std::move(then.error()));
    step.then = std::move(*then);
    if (ended_by_ == End::kElse) {
      skip_blanks();
      const std::size_t place = at_;
      if (word() == "if") {
        auto nested = choice();
        if (!nested) return nested;
        step.otherwise.push_back(std::move(*nested));
      } else {
        at_ = place;
        if (!close_action()) return fail("if or }}");
        Result<Steps> otherwise = block();
        if (!otherwise) return std::unexpected(std::move(otherwise.error()));
        step.otherwise = std::move(*otherwise);
        if (ended_by_ == End::kElse) return fail("end");
      }
    }
    if (ended_by_ == End::kText) return fail("{{ end }}");
    --depth_;
    return step;
  }

  Result<Expression> pipeline() {
    if (++depth_ > kMaxDepth) return fail("less nesting");
    auto value = command({});
    while (value && accept("|")) {
      std::vector<Expression> passed;
      passed.push_back(std::move(*value));
      value = command(std::move(passed));
    }
    --depth_;
    return value;
  }

  /// A function with arguments, the last of which may come from a pipeline; or a value.
  Result<Expression> command(std::vector<Expression> passed) {
    skip_blanks();
    const std::size_t start = at_;
    const std::string_view name = word();
    if (name.empty() || name == "true" || name == "false") {
      at_ = start;
      if (!passed.empty()) return fail(fmt::format("a function: {}", function_names()));
      return operand();
    }
    Expression call;
    call.kind = Expression::Kind::kCall;
    call.function = find_function(name);
    if (call.function == nullptr) {
      at_ = start;
      return fail(fmt::format("one of the functions {}", function_names()));
    }
    while (starts_operand()) {
      auto argument = operand();
      if (!argument) return argument;
      call.arguments.push_back(std::move(*argument));
    }
    for (Expression& value : passed) call.arguments.push_back(std::move(value));
    const Function& function = *call.function;
    if (call.arguments.size() < function.least || call.arguments.size() > function.most) {
      at_ = start;
      return fail(function.least == function.most
                      ? fmt::format("{} with {} values", name, function.least)
                      : fmt::format("{} with {} or more values", name, function.least));
    }
    return call;
  }

  bool starts_operand() {
    skip_blanks();
    if (at_ == text_.size()) return false;
    const char c = text_[at_];
    return c == '.' || c == '"' || c == '`' || c == '(' ||
           (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z');
  }

  Result<Expression> operand() {
    skip_blanks();
    Expression value;
    const std::size_t start = at_;
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '(') {
      ++at_;
      auto inner = pipeline();
      if (inner && !accept(")")) return fail(")");
      return inner;
    }
    if (c == '"' || c == '`') {
      if (!quoted(value.text)) return fail("a text that ends with its quote");
      return value;
    }
    if (c == '.') return field();
    const std::string_view name = word();
    if (name == "true" || name == "false") {
      value.kind = Expression::Kind::kTruth;
      value.truth = name == "true";
      return value;
    }
    at_ = start;
    return fail("a value: .Name, .ContainerName, .Labels, a text in quotes or backticks, or a function");
  }

  Result<Expression> field() {
    Expression value;
    const std::size_t start = at_++;
    const std::string_view name = word();
    if (name == "Name") {
      value.kind = Expression::Kind::kName;
    } else if (name == "ContainerName") {
      value.kind = Expression::Kind::kContainerName;
    } else if (name == "Labels") {
      value.kind = Expression::Kind::kLabels;
      if (at_ < text_.size() && text_[at_] == '.') {
        ++at_;
        value.kind = Expression::Kind::kLabel;
        value.text = word();
        if (value.text.empty()) return fail("a label's name");
      }
    } else {
      at_ = start;
      return fail(".Name, .ContainerName or .Labels");
    }
    return value;
  }

  std::string_view word() {
    const std::size_t start = at_;
    const auto is_part = [](char c) {
      return (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    while (at_ < text_.size() && is_part(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  int depth_ = 0;
  bool trim_next_ = false;
  bool skipped_comment_ = false;
  End ended_by_ = End::kText;
};

RuleTemplate::RuleTemplate(Steps steps) : steps_(std::make_unique<Steps>(std::move(steps))) {}
RuleTemplate::RuleTemplate(RuleTemplate&&) noexcept = default;
RuleTemplate& RuleTemplate::operator=(RuleTemplate&&) noexcept = default;
RuleTemplate::~RuleTemplate() = default;

std::expected<RuleTemplate, base::ParseError> RuleTemplate::parse(std::string_view text) {
  auto steps = Parser(text).whole();
  if (!steps) return std::unexpected(std::move(steps.error()));
  return RuleTemplate(std::move(*steps));
}

RuleTemplate::Value RuleTemplate::value_of(const Expression& expression, const TemplateModel& model) {
  switch (expression.kind) {
    case Expression::Kind::kText:
      return {expression.text};
    case Expression::Kind::kTruth:
      return {expression.truth};
    case Expression::Kind::kName:
      return {model.name};
    case Expression::Kind::kContainerName:
      return {model.container_name};
    case Expression::Kind::kLabels:
      return {&model.labels};
    case Expression::Kind::kLabel: {
      const auto found = model.labels.find(expression.text);
      return {found == model.labels.end() ? std::string() : found->second};
    }
    case Expression::Kind::kCall:
      break;
  }
  std::vector<Value> arguments;
  for (const Expression& argument : expression.arguments) arguments.push_back(value_of(argument, model));
  return expression.function->call(arguments);
}

void RuleTemplate::run(const Steps& steps, const TemplateModel& model, std::string& out) {
  for (const Step& step : steps) {
    if (step.kind == Step::Kind::kText) {
      out += step.text;
    } else if (step.kind == Step::Kind::kValue) {
      out += value_of(step.expression, model).text();
    } else {
      run(value_of(step.expression, model).truth() ? step.then : step.otherwise, model, out);
    }
  }
}

std::string RuleTemplate::render(const TemplateModel& model) const {
  std::string out;
  run(*steps_, model, out);
  return out;
}

}  // namespace limpet::providers
