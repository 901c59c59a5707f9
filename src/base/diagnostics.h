#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace limpet::base {

/// A place in something a person wrote. `line` and `column` count from 1; 0 means unknown.
/// `source` is a file name, or "flags", "environment", "container web-1" and the like.
struct SourcePlace {
  std::string source;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  /// "file.yml:3:7", or as much of it as is known.
  [[nodiscard]] std::string text() const;
  bool operator==(const SourcePlace&) const = default;
};

enum class Severity : std::uint8_t { kWarning, kError };

/// One thing wrong with what a person wrote: where, which key, what is wrong and what is allowed.
struct Diagnostic {
  Severity severity = Severity::kError;
  SourcePlace place;
  std::string key;      ///< dotted path of the key, for example "http.routers.web.rule"; may be empty
  std::string message;  ///< one sentence without a full stop, naming what is allowed

  /// "dynamic.yml:3:7: error: http.routers.web.rule: expected ..."
  [[nodiscard]] std::string text() const;
  bool operator==(const Diagnostic&) const = default;
};

/// Everything wrong with one input, in the order found. A reader reports all problems, not the first.
class Diagnostics {
 public:
  void error(SourcePlace place, std::string key, std::string message);
  void warning(SourcePlace place, std::string key, std::string message);
  void add(Diagnostic diagnostic);
  void add_all(const Diagnostics& others);

  [[nodiscard]] bool has_errors() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] const std::vector<Diagnostic>& items() const noexcept { return items_; }
  /// All of them, a line each.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Diagnostic> items_;
};

}  // namespace limpet::base
