#include "proxy/client_connection.h"

#include <utility>

#include "base/log.h"
#include "proxy/answers.h"
#include "proxy/exchange.h"
#include "proxy/proxy_protocol.h"
#include "proxy/seat_wait.h"

namespace limpet::proxy {
namespace {

constexpr base::Duration kLingerTime = std::chrono::seconds(2);
constexpr base::Duration kTimeForFirstRequest = std::chrono::seconds(1);
constexpr std::size_t kLingerBytes = 256 * 1024;

}  // namespace

ClientConnection::ClientConnection(Worker& worker, const EntryPoint& entry_point, net::Fd fd,
                                   const net::SocketAddress& peer)
    : worker_(worker),
      entry_point_(entry_point),
      client_(peer),
      socket_(worker.reactor(), std::move(fd), base::Side::kClient),
      buffer_(worker.buffers()),
      opened_(worker.reactor().now()) {
  worker_.add(*this);
}

ClientConnection::~ClientConnection() {
  worker_.remove(*this);
}

net::Task<void> ClientConnection::serve(Worker& worker, const EntryPoint& entry_point, net::Fd fd,
                                        net::SocketAddress peer) {
  ClientConnection connection(worker, entry_point, std::move(fd), peer);
  if (connection.socket_.valid()) co_await connection.run();
}

net::Task<void> ClientConnection::run() {
  if (entry_point_.proxy_protocol && !co_await read_proxy_header()) co_return;
  while (true) {
    const HeadResult result = co_await read_head();
    if (result != HeadResult::kReady) co_return;
    ++requests_;
    idle_ = false;
    worker_.request_began();
    Outcome outcome = Outcome::kClose;
    {
      Exchange exchange(*this);
      outcome = co_await exchange.run();
    }
    worker_.request_ended();
    idle_ = true;
    if (outcome == Outcome::kHandedOver || outcome == Outcome::kAbort) co_return;
    if (outcome == Outcome::kClose || !may_continue()) {
      co_await linger();
      co_return;
    }
  }
}

bool ClientConnection::may_continue() const noexcept {
  const config::Transport& transport = entry_point_.settings.transport;
  if (worker_.stopping()) return false;
  if (transport.keep_alive_max_requests != 0 && requests_ >= transport.keep_alive_max_requests) return false;
  return transport.keep_alive_max_time.count() == 0 ||
         worker_.reactor().now() - opened_ < transport.keep_alive_max_time;
}

net::Task<bool> ClientConnection::read_proxy_header() {
  if (!entry_point_.proxy_insecure && !net::contains(entry_point_.proxy_trusted, client_.ip()))
    co_return true;
  socket_.set_deadline(entry_point_.settings.transport.read_timeout);
  while (true) {
    if (!may_begin_proxy_header(buffer_.view())) {
      socket_.clear_deadline();
      co_return true;
    }
    const auto parsed = parse_proxy_header(buffer_.view());
    if (!parsed) {
      base::log_warn("entry point {}: {}: bad PROXY header: {}", entry_point_.name, client_.text(),
                     parsed.error());
      co_return false;
    }
    if (*parsed) {
      buffer_.consume((*parsed)->bytes);
      if ((*parsed)->source) client_ = *(*parsed)->source;
      socket_.clear_deadline();
      co_return true;
    }
    const auto got = co_await socket_.read(buffer_.room(net::Block::kSize));
    if (!got || *got == 0) co_return false;
    buffer_.filled(*got);
  }
}

void ClientConnection::keep_head(std::size_t size) {
  const std::string_view bytes = buffer_.view().substr(0, size);
  head_bytes_.assign(bytes);
  head_.rebase(bytes, head_bytes_.data());
  buffer_.consume(size);
  buffer_.shrink();
}

net::Task<ClientConnection::HeadResult> ClientConnection::read_head() {
  const config::Transport& transport = entry_point_.settings.transport;
  std::size_t seen = 0;  // bytes of a head that is not complete yet
  if (buffer_.empty()) {
    buffer_.shrink();
    // Idle connections are many, so what a large head needed does not stay.
    if (head_bytes_.capacity() > net::Block::kSize) std::string().swap(head_bytes_);
    if (scratch_.capacity() > net::Block::kSize) std::string().swap(scratch_);
    socket_.set_deadline(requests_ == 0 ? transport.read_timeout : transport.idle_timeout);
  }
  while (true) {
    if (!buffer_.empty()) {
      std::expected<std::size_t, http::HeadError> size = std::size_t{0};
      if (http::worth_parsing_again(buffer_.view(), seen, entry_point_.limits)) {
        size = http::parse_request_head(buffer_.view(), entry_point_.limits, head_);
      }
      if (!size) {
        co_await refuse(size.error());
        co_return HeadResult::kRefused;
      }
      if (*size > 0) {
        socket_.clear_deadline();
        keep_head(*size);
        co_return HeadResult::kReady;
      }
      // One deadline for the whole head, however slowly it trickles in.
      if (seen == 0) socket_.set_deadline(transport.read_timeout);
      seen = buffer_.view().size();
    } else {
      const auto readable = co_await socket_.wait_readable();
      if (!readable) co_return HeadResult::kClosed;
    }
    const auto got = co_await socket_.read(buffer_.room(entry_point_.limits.max_bytes + net::Block::kSize));
    if (!got) {
      if (got.error().kind == base::FailureKind::kTimeout && !buffer_.empty()) {
        co_await refuse({.status = 408, .reason = "the request head took too long"});
      }
      co_return HeadResult::kClosed;
    }
    if (*got == 0) co_return HeadResult::kClosed;
    buffer_.filled(*got);
  }
}

net::Task<void> ClientConnection::refuse(http::HeadError error) {
  base::log_debug("entry point {}: {}: request refused with {}: {}", entry_point_.name, client_.text(),
                  error.status, error.reason);
  worker_.reporter().refused(entry_point_, client_, error.status);
  socket_.set_deadline(kLingerTime);
  scratch_.clear();
  write_answer(scratch_, status_answer(error.status), WriteOptions{.close = true, .body = true});
  const auto sent = co_await socket_.write(scratch_);
  if (sent) co_await linger();
}

net::Task<void> ClientConnection::linger() {
  // Closing with unread bytes would reset the connection and could take the answer with it.
  socket_.shut_down_write();
  socket_.set_deadline(kLingerTime);
  buffer_.consume(buffer_.view().size());
  for (std::size_t total = 0; total < kLingerBytes;) {
    const auto got = co_await socket_.read(buffer_.room(net::Block::kSize));
    if (!got || *got == 0) break;
    total += *got;
  }
}

void ClientConnection::close_if_spare() noexcept {
  if (requests_ > 0 || worker_.reactor().now() - opened_ > kTimeForFirstRequest) close_if_idle();
}

void ClientConnection::stop_waiting() noexcept {
  if (waiting_ != nullptr) waiting_->give_up();
}

void ClientConnection::close_if_idle() noexcept {
  if (idle_ && buffer_.empty()) socket_.cancel();
}

}  // namespace limpet::proxy
