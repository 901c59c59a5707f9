#include "config/scaling_texts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <system_error>
#include <utility>

#include "base/signals.h"
#include "base/text.h"

namespace limpet::config {
namespace {

constexpr std::string_view kPort = "{port}";

/// Reads the words of one command.
class WordReader {
 public:
  explicit WordReader(std::string_view text) : text_(text) {}

  std::expected<std::vector<std::string>, base::ParseError> read() {
    if (const std::size_t nul = text_.find('\0'); nul != std::string_view::npos) {
      return std::unexpected(base::ParseError{.offset = nul, .expected = "no NUL character"});
    }
    while (at_ < text_.size() && !problem_) take(text_[at_++]);
    if (problem_) return std::unexpected(std::move(*problem_));
    end_word();
    if (words_.empty() || words_.front().empty()) {
      return std::unexpected(base::ParseError{.offset = 0, .expected = "the name of a program"});
    }
    return std::move(words_);
  }

 private:
  void take(char c) {
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        end_word();
        return;
      case '\'':
      case '"':
        take_quoted(c);
        return;
      case '\\':
        if (at_ == text_.size()) return fail(at_ - 1, "a character after the backslash");
        add(text_[at_++]);
        return;
      default:
        add(c);
    }
  }

  void take_quoted(char quote) {
    const std::size_t begin = at_ - 1;
    in_word_ = true;
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (c == quote) return;
      const bool escapes = quote == '"' && c == '\\' && at_ < text_.size();
      if (escapes && (text_[at_] == '"' || text_[at_] == '\\')) c = text_[at_++];
      add(c);
    }
    fail(begin, "an end of the quote");
  }

  void add(char c) {
    word_ += c;
    in_word_ = true;
  }
  void end_word() {
    if (std::exchange(in_word_, false)) words_.push_back(std::exchange(word_, {}));
  }
  void fail(std::size_t offset, std::string expected) {
    problem_ = base::ParseError{.offset = offset, .expected = std::move(expected)};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
  std::optional<base::ParseError> problem_;
};

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stop != end || port == 0) return std::nullopt;
  return port;
}

}  // namespace

std::expected<std::vector<std::string>, base::ParseError> split_command(std::string_view text) {
  return WordReader(text).read();
}

std::optional<PortRange> parse_port_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_port(base::trim(text.substr(0, dash)));
  const auto last = dash == std::string_view::npos ? first : parse_port(base::trim(text.substr(dash + 1)));
  if (!first || !last || *last < *first) return std::nullopt;
  return PortRange{.first = *first, .last = *last};
}

std::optional<int> parse_signal(std::string_view text) {
  constexpr std::array kFit = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGKILL};
  const auto signal = base::signal_by_name(text);
  return signal && std::ranges::find(kFit, *signal) != kFit.end() ? signal : std::nullopt;
}

std::string with_port(std::string_view text, std::uint16_t port) {
  std::string out;
  for (std::size_t at = 0; (at = text.find(kPort)) != std::string_view::npos;) {
    out += text.substr(0, at);
    out += std::to_string(port);
    text.remove_prefix(at + kPort.size());
  }
  out += text;
  return out;
}

}  // namespace limpet::config
