#include "cli/admin_client.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "base/failure.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/url.h"
#include "net/address.h"
#include "net/fd.h"

namespace limpet::cli {
namespace {

constexpr std::size_t kMaxBody = std::size_t{64} * 1024 * 1024;
constexpr std::size_t kReadSize = std::size_t{16} * 1024;
constexpr std::string_view kUnix = "unix:";

template <class T>
using Result = std::expected<T, std::string>;

std::unexpected<std::string> failed(int code) {
  return std::unexpected(base::failure_from_errno(code, base::Side::kServer).text());
}

/// A connection with a deadline for everything that happens on it.
class Connection {
 public:
  Connection(net::Fd fd, base::TimePoint deadline) noexcept : fd_(std::move(fd)), deadline_(deadline) {}

  static Result<Connection> open(const net::SocketAddress& address, base::TimePoint deadline) {
    Connection made(net::Fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
                    deadline);
    if (!made.fd_) return failed(errno);
    if (::connect(made.fd_.get(), address.native(), address.native_length()) == 0) return made;
    if (errno != EINPROGRESS) return failed(errno);
    if (auto ready = made.wait(POLLOUT); !ready) return std::unexpected(std::move(ready.error()));
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(made.fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return failed(errno);
    if (error != 0) return failed(error);
    return made;
  }

  Result<void> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno != EAGAIN && errno != EINTR) {
        return failed(errno);
      } else if (auto ready = wait(POLLOUT); !ready) {
        return ready;
      }
    }
    return {};
  }

  /// Appends at least one byte to `out`; gives false at the end of the stream.
  Result<bool> read(std::string& out) {
    std::array<char, kReadSize> block{};
    while (true) {
      const ssize_t got = ::recv(fd_.get(), block.data(), block.size(), 0);
      if (got >= 0) {
        out.append(block.data(), static_cast<std::size_t>(got));
        return got > 0;
      }
      if (errno != EAGAIN && errno != EINTR) return failed(errno);
      if (auto ready = wait(POLLIN); !ready) return std::unexpected(std::move(ready.error()));
    }
  }

 private:
  [[nodiscard]] Result<void> wait(short events) const {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - base::Clock::now());
      pollfd item{.fd = fd_.get(), .events = events, .revents = 0};
      const int ready = left.count() <= 0 ? 0 : ::poll(&item, 1, static_cast<int>(left.count()));
      if (ready > 0) return {};
      if (ready == 0) return std::unexpected("no answer in time");
      if (errno != EINTR) return failed(errno);
    }
  }

  net::Fd fd_;
  base::TimePoint deadline_;
};

Result<Connection> connect_to(const AdminAddress& address, base::TimePoint deadline) {
  if (!address.unix_path.empty()) {
    return Connection::open(net::SocketAddress::unix_path(address.unix_path), deadline);
  }
  const auto ips = net::resolve(address.host);
  if (!ips) return std::unexpected(ips.error());
  Result<Connection> connection = std::unexpected(fmt::format("{} has no address", address.host));
  for (const net::IpAddress& ip : *ips) {
    connection = Connection::open(net::SocketAddress(ip, address.port), deadline);
    if (connection) break;
  }
  return connection;
}

/// Reads one answer.
class Reader {
 public:
  Reader(Connection& connection, http::Method method) noexcept : connection_(connection), method_(method) {}

  Result<AdminAnswer> read() {
    AdminAnswer answer;
    http::Framing framing;
    do {
      auto head = read_head(answer);
      if (!head) return std::unexpected(std::move(head.error()));
      framing = *head;
    } while (answer.status < 200);
    auto body = read_body(framing, answer.body);
    if (!body) return std::unexpected(std::move(body.error()));
    return answer;
  }

 private:
  Result<http::Framing> read_head(AdminAnswer& answer) {
    http::ResponseHead head;
    while (true) {
      const auto size = http::parse_response_head(buffer_, {}, method_, head);
      if (!size) return std::unexpected(fmt::format("the answer is not HTTP: {}", size.error().reason));
      if (*size > 0) {
        answer.status = head.status;
        buffer_.erase(0, *size);
        return head.framing;
      }
      if (auto more = read_more(); !more) return std::unexpected(std::move(more.error()));
    }
  }

  Result<void> read_body(const http::Framing& framing, std::string& body) {
    switch (framing.kind) {
      case http::BodyKind::kNone:
        return {};
      case http::BodyKind::kLength:
        return read_length(framing.length, body);
      case http::BodyKind::kChunked:
        return read_chunks(body);
      case http::BodyKind::kUntilClose:
        break;
    }
    while (true) {
      if (buffer_.size() > kMaxBody) return too_large();
      auto more = connection_.read(buffer_);
      if (!more) return std::unexpected(std::move(more.error()));
      if (!*more) break;
    }
    body = std::move(buffer_);
    return {};
  }

  Result<void> read_length(std::uint64_t length, std::string& body) {
    if (length > kMaxBody) return too_large();
    while (buffer_.size() < length) {
      if (auto more = read_more(); !more) return more;
    }
    body = buffer_.substr(0, static_cast<std::size_t>(length));
    return {};
  }

  Result<void> read_chunks(std::string& body) {
    http::ChunkedDecoder decoder;
    while (!decoder.done()) {
      std::string_view input = buffer_;
      while (!decoder.done() && !input.empty()) {
        const auto step = decoder.next(input);
        if (!step)
          return std::unexpected(fmt::format("the answer's body is broken: {}", step.error().reason));
        body += step->data;
        input.remove_prefix(step->consumed);
      }
      if (body.size() > kMaxBody) return too_large();
      buffer_.clear();
      if (decoder.done()) break;
      if (auto more = read_more(); !more) return more;
    }
    return {};
  }

  Result<void> read_more() {
    auto more = connection_.read(buffer_);
    if (!more) return std::unexpected(std::move(more.error()));
    if (!*more) return std::unexpected("the connection was closed in the middle of the answer");
    return {};
  }

  static std::unexpected<std::string> too_large() {
    return std::unexpected(std::string("the answer is too large"));
  }

  Connection& connection_;
  http::Method method_;
  std::string buffer_;
};

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::expected<AdminAddress, std::string> parse_admin_address(std::string_view text) {
  AdminAddress address;
  address.text = text;
  if (text.starts_with(kUnix)) {
    address.unix_path = text.substr(kUnix.size());
    address.authority = "localhost";
    if (address.unix_path.empty() || address.unix_path.size() > net::kMaxUnixPath) {
      return std::unexpected(fmt::format("address \"{}\": expected unix: and a path of at most {} bytes",
                                         text, net::kMaxUnixPath));
    }
    return address;
  }
  std::string url(text);
  if (url.starts_with(':')) url = "127.0.0.1" + url;
  if (url.find("://") == std::string::npos) url = "http://" + url;
  const auto parsed = http::parse_server_url(url);
  if (!parsed || parsed->scheme != http::Scheme::kHttp) {
    return std::unexpected(
        fmt::format("address \"{}\": expected http://host:port, host:port or unix:/path", text));
  }
  address.host = parsed->host;
  address.port = parsed->port;
  address.authority = parsed->authority;
  address.base_path = parsed->path;
  while (address.base_path.ends_with('/')) address.base_path.pop_back();
  return address;
}

std::string reachable_address(std::string_view listen) {
  if (listen.starts_with(kUnix)) return std::string(listen);
  listen = listen.substr(0, listen.find('/'));
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string_view::npos) return std::string(listen);
  const std::string_view host = listen.substr(0, colon);
  const std::string_view port = listen.substr(colon + 1);
  if (host.empty() || host == "0.0.0.0") return fmt::format("http://127.0.0.1:{}", port);
  if (host == "[::]") return fmt::format("http://[::1]:{}", port);
  return fmt::format("http://{}:{}", host, port);
}

AdminClient::AdminClient(AdminAddress address, std::string token, base::Duration timeout)
    : address_(std::move(address)), token_(std::move(token)), timeout_(timeout) {}

std::expected<AdminAnswer, std::string> AdminClient::request(std::string_view method, std::string_view path,
                                                             std::string_view json) const {
  if (!is_printable(token_)) return std::unexpected("the token has characters that a token cannot have");
  const auto named = [this](std::string_view reason) {
    return std::unexpected(fmt::format("cannot ask {}: {}", address_.text, reason));
  };
  auto connection = connect_to(address_, base::Clock::now() + timeout_);
  if (!connection) return named(connection.error());
  std::string head = fmt::format(
      "{} {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: limpet/{}\r\nAccept: application/json\r\nConnection: "
      "close\r\n",
      method, address_.base_path, path, address_.authority, LIMPET_VERSION);
  if (!token_.empty()) head += fmt::format("Authorization: Bearer {}\r\n", token_);
  if (!json.empty()) head += "Content-Type: application/json\r\n";
  if (method == "POST") head += fmt::format("Content-Length: {}\r\n", json.size());
  head += "\r\n";
  head += json;
  if (auto written = connection->write(head); !written) return named(written.error());
  auto answer = Reader(*connection, method == "GET" ? http::Method::kGet : http::Method::kPost).read();
  if (!answer) return named(answer.error());
  return answer;
}

}  // namespace limpet::cli
