#include "base/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace limpet::base {

std::string SourcePlace::text() const {
  if (line == 0) return source;
  if (column == 0) return fmt::format("{}:{}", source, line);
  return fmt::format("{}:{}:{}", source, line, column);
}

std::string Diagnostic::text() const {
  std::string out = place.text();
  if (!out.empty()) out += ": ";
  out += severity == Severity::kError ? "error: " : "warning: ";
  if (!key.empty()) out += key + ": ";
  return out + message;
}

void Diagnostics::error(SourcePlace place, std::string key, std::string message) {
  items_.push_back({Severity::kError, std::move(place), std::move(key), std::move(message)});
}

void Diagnostics::warning(SourcePlace place, std::string key, std::string message) {
  items_.push_back({Severity::kWarning, std::move(place), std::move(key), std::move(message)});
}

void Diagnostics::add(Diagnostic diagnostic) {
  items_.push_back(std::move(diagnostic));
}

void Diagnostics::add_all(const Diagnostics& others) {
  items_.insert(items_.end(), others.items_.begin(), others.items_.end());
}

bool Diagnostics::has_errors() const noexcept {
  return std::ranges::any_of(items_, [](const Diagnostic& d) { return d.severity == Severity::kError; });
}

std::string Diagnostics::text() const {
  std::string out;
  for (const Diagnostic& item : items_) out += item.text() + "\n";
  return out;
}

}  // namespace limpet::base
