#include "cli/demo/screen.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/text.h"
#include "cli/table.h"

namespace limpet::cli {
namespace {

constexpr std::size_t kEvents = 8;
constexpr std::size_t kBar = 24;
constexpr winsize kUsualSize{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};

winsize terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return kUsualSize;
  }
  return size;
}

double seconds(base::Duration time) {
  return std::chrono::duration<double>(time).count();
}

std::string clock_text(base::Duration time) {
  const auto whole = static_cast<std::uint64_t>(std::max(0.0, seconds(time)));
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

/// The first `columns` characters of UTF-8 text.
std::string_view first_columns(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool is_first_byte = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
    if (is_first_byte && columns-- == 0) break;
  }
  return text.substr(0, at);
}

std::string bar(std::uint64_t users, std::uint64_t capacity) {
  const std::uint64_t filled = capacity == 0 ? 0 : std::min(kBar, (users * kBar + capacity - 1) / capacity);
  std::string out;
  for (std::uint64_t i = 0; i < kBar; ++i) out += i < filled ? "█" : "·";
  return out;
}

void append_servers(std::vector<std::string>& lines, const Look& look, std::uint64_t capacity) {
  using enum Table::Align;
  Table table({{.title = "SERVER"}, {.title = "STATE"}, {.title = "USERS", .align = kRight}, {.title = ""}});
  for (const Look::Server& server : look.servers) {
    table.add({server.name, server.state, fmt::format("{} / {}", grouped(server.users), grouped(capacity)),
               bar(server.users, capacity)});
  }
  const std::string text = table.text(1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
}

}  // namespace

std::string lost_text(const Tally& tally) {
  if (tally.lost == 0) return "0";
  if (tally.away > 0) return fmt::format("{}, {} not back yet", grouped(tally.lost), grouped(tally.away));
  return fmt::format("{}, all back in {:.1f} s", grouped(tally.lost), seconds(tally.back_after));
}

std::vector<std::string> view_of(base::Duration time, const Scene& scene, const Look& look,
                                 const Tally& tally, std::uint64_t capacity) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format(" {:>5}  {}, {} s left", clock_text(time), scene.wave->name,
                              std::chrono::ceil<std::chrono::seconds>(scene.left).count()));
  lines.push_back(fmt::format(" users  {} inside, {} on their way, {} in the queue", grouped(tally.inside),
                              grouped(tally.outside), grouped(look.waiting)));
  lines.push_back(
      fmt::format(" cut    by Limpet: {}   by killed servers: {}", grouped(tally.cut), lost_text(tally)));
  lines.emplace_back();
  append_servers(lines, look, capacity);
  lines.push_back(fmt::format(" {}", look.why));
  lines.emplace_back();
  return lines;
}

void Screen::print(std::string_view text) const {
  console_.out << text << std::flush;
}

void Screen::say(base::Duration time, std::string_view event) {
  std::string line = fmt::format(" {:>5}  ", clock_text(time));
  // A server's last words may be in it.
  base::append_escaped(line, event);
  if (!live_) {
    console_.out << line << "\n" << std::flush;
    return;
  }
  events_.push_back(std::move(line));
  if (events_.size() > kEvents) events_.erase(events_.begin());
}

void Screen::draw(std::vector<std::string> lines) {
  if (!live_) return;
  const winsize size = terminal_size();
  lines.insert(lines.end(), events_.begin(), events_.end());
  // The line of the cursor is below; what does not fit would scroll, and be drawn again and again.
  if (lines.size() >= size.ws_row) lines.resize(size.ws_row - 1U);
  std::string out = drawn_ == 0 ? "" : fmt::format("\x1b[{}A", drawn_);
  for (const std::string& line : lines) {
    out += fmt::format("\r{}\x1b[K\n", first_columns(line, size.ws_col));
  }
  drawn_ = lines.size();
  console_.out << out << "\x1b[J" << std::flush;
}

}  // namespace limpet::cli
