#include "options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <optional>

namespace chat {
namespace {

constexpr std::array<std::string_view, 6> kFlags = {"--port",    "--host",          "--name",
                                                    "--servers", "--ping-interval", "--ping-timeout"};

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return "localhost";
  return buffer.data();
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text, Number smallest) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < smallest) return std::nullopt;
  return value;
}

std::unexpected<std::string> bad_value(std::string_view flag, std::string_view value,
                                       std::string_view wanted) {
  return std::unexpected(std::string(flag) + ": '" + std::string(value) + "' is not " + std::string(wanted));
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (const auto part = text.substr(0, comma); !part.empty()) parts.emplace_back(part);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return parts;
}

std::expected<void, std::string> set_option(Options& options, std::string_view flag, std::string_view value) {
  if (flag == "--port") {
    const auto port = parse_number<std::uint16_t>(value, 0);
    if (!port) return bad_value(flag, value, "a port number from 0 to 65535");
    options.port = *port;
  } else if (flag == "--host") {
    options.host = value;
  } else if (flag == "--name") {
    options.name = value;
  } else if (flag == "--servers") {
    options.servers = split_at_commas(value);
  } else {
    const auto milliseconds = parse_number<std::int32_t>(value, 1);
    if (!milliseconds) return bad_value(flag, value, "a number of milliseconds from 1 to 2147483647");
    auto& setting = flag == "--ping-interval" ? options.ping_interval : options.ping_timeout;
    setting = std::chrono::milliseconds(*milliseconds);
  }
  return {};
}

}  // namespace

std::expected<Options, std::string> parse_options(std::span<char* const> arguments) {
  Options options;
  if (const char* port = std::getenv("PORT"); port != nullptr && *port != '\0') {
    const auto number = parse_number<std::uint16_t>(port, 0);
    if (!number) return bad_value("PORT", port, "a port number from 0 to 65535");
    options.port = *number;
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      options.help = true;
      return options;
    }
    const auto equals = argument.find('=');
    const auto flag = argument.substr(0, equals);
    if (std::ranges::find(kFlags, flag) == kFlags.end()) {
      return std::unexpected("unknown option '" + std::string(flag) + "'; --help lists the options");
    }
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return std::unexpected(std::string(flag) + " needs a value; --help lists the options");
    }
    if (auto set = set_option(options, flag, value); !set) return std::unexpected(set.error());
  }
  if (options.name.empty()) options.name = host_name();
  return options;
}

std::string_view help_text() {
  return R"(limpet-chat: a Socket.IO chat server to run behind Limpet

Usage: limpet-chat [options]

  --port N             port to listen on, 0 for any free one (default: $PORT, else 3000)
  --host ADDRESS       IP address to listen on (default: 127.0.0.1)
  --name NAME          what users see as this server's name (default: the host name)
  --servers LIST       servers the page offers, separated by commas: URLs, or LABEL=URL;
                       or the path of Limpet's own list, as /api/servers
  --ping-interval MS   time between heartbeats (default: 25000)
  --ping-timeout MS    how long a client may take to answer one (default: 20000)
  --help               this text

Routes: / (page), /ws (Socket.IO), /hostname (JSON), /health.

Example: two servers whose pages know of each other
  limpet-chat --port 3001 --name red   --servers http://127.0.0.1:3001,http://127.0.0.1:3002 &
  limpet-chat --port 3002 --name green --servers http://127.0.0.1:3001,http://127.0.0.1:3002 &
)";
}

}  // namespace chat
