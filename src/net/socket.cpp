#include "net/socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "net/tcp_options.h"

namespace limpet::net {
namespace {

constexpr std::uint32_t kOperationsPerTurn = 64;

}  // namespace

void Pieces::add(std::string_view piece) noexcept {
  if (piece.empty()) return;
  LIMPET_CHECK(count_ < pieces_.size());
  pieces_[count_++] = {.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
}

void Pieces::advance(std::size_t count) noexcept {
  while (first_ < count_ && count >= pieces_[first_].iov_len) count -= pieces_[first_++].iov_len;
  if (count == 0) return;
  iovec& piece = pieces_[first_];
  piece.iov_base = static_cast<char*>(piece.iov_base) + count;
  piece.iov_len -= count;
}

std::size_t Pieces::size() const noexcept {
  std::size_t total = 0;
  for (const iovec& piece : vectors()) total += piece.iov_len;
  return total;
}

Socket::Socket(Reactor& reactor, Fd fd, base::Side side) noexcept
    : reactor_(reactor), fd_(std::move(fd)), deadline_(&Socket::deadline_passed, this), side_(side) {
  if (fd_ && !reactor_.add(fd_.get(), *this)) fd_.reset();
}

Socket::~Socket() {
  LIMPET_CHECK(reader_ == nullptr && writer_ == nullptr);
  if (fd_) reactor_.forget(fd_.get());
}

std::expected<Fd, base::Failure> Socket::start_connect(const SocketAddress& address) noexcept {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(base::failure_from_errno(errno, base::Side::kOwn));
  if (!address.is_unix()) set_tcp_options(fd.get(), address);
  if (::connect(fd.get(), address.native(), address.native_length()) != 0 && errno != EINPROGRESS) {
    return std::unexpected(base::failure_from_errno(errno, base::Side::kServer));
  }
  return fd;
}

std::unexpected<base::Failure> Socket::failure(int code) const noexcept {
  return std::unexpected(base::failure_from_errno(code, side_));
}

Socket::Operation Socket::read(std::span<char> into) noexcept {
  Operation operation(*this, Operation::Kind::kRead);
  operation.into_ = into;
  return operation;
}

Socket::Operation Socket::wait_readable() noexcept {
  return {*this, Operation::Kind::kWaitReadable};
}

Socket::Operation Socket::write(const Pieces& pieces) noexcept {
  Operation operation(*this, Operation::Kind::kWrite);
  operation.from_ = pieces;
  return operation;
}

bool Socket::start(Operation& operation) noexcept {
  if (cancelled_ || expired_) {
    operation.result_ = std::unexpected(base::Failure{
        .kind = cancelled_ ? base::FailureKind::kCancelled : base::FailureKind::kTimeout, .side = side_});
    return true;
  }
  const bool wait = share_used_up();
  if (!wait && attempt(operation)) return true;
  Operation*& slot = operation.kind_ == Operation::Kind::kWrite ? writer_ : reader_;
  LIMPET_CHECK(slot == nullptr);
  slot = &operation;
  if (wait) reactor_.call_again(fd_.get());
  return false;
}

// A peer that is always ready, and answered without a wait, would else keep the thread to itself.
bool Socket::share_used_up() noexcept {
  if (std::exchange(turn_, reactor_.turn_number()) != reactor_.turn_number()) operations_ = 0;
  return ++operations_ > kOperationsPerTurn;
}

bool Socket::attempt(Operation& operation) noexcept {
  if (operation.kind_ == Operation::Kind::kWrite) return attempt_write(operation);
  if (!can_read_) return false;
  if (operation.kind_ == Operation::Kind::kWaitReadable) return true;
  ssize_t count = 0;
  do {
    count = ::recv(fd_.get(), operation.into_.data(), operation.into_.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (errno == EAGAIN) {
      can_read_ = false;
      return false;
    }
    operation.result_ = failure(errno);
    return true;
  }
  const auto got = static_cast<std::size_t>(count);
  // A short read has drained the socket: the next bytes bring a new event, unless the end is already here.
  if (got < operation.into_.size() && got > 0 && !hung_up_) can_read_ = false;
  bytes_read_ += got;
  operation.result_ = got;
  return true;
}

bool Socket::attempt_write(Operation& operation) noexcept {
  while (can_write_ && !operation.from_.empty()) {
    const auto vectors = operation.from_.vectors();
    ssize_t count = 0;
    if (vectors.size() == 1) {
      count = ::send(fd_.get(), vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(vectors.data());
      message.msg_iovlen = vectors.size();
      count = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    }
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {
        can_write_ = false;
        break;
      }
      operation.result_ = failure(errno);
      return true;
    }
    bytes_written_ += static_cast<std::uint64_t>(count);
    operation.result_ = *operation.result_ + static_cast<std::size_t>(count);
    operation.from_.advance(static_cast<std::size_t>(count));
  }
  return operation.from_.empty();
}

void Socket::finish(Operation*& slot) noexcept {
  reactor_.resume_soon(std::exchange(slot, nullptr)->waiter_);
}

void Socket::on_events(std::uint32_t events) noexcept {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) broken_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) can_read_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) can_write_ = true;
  if (reader_ != nullptr && attempt(*reader_)) finish(reader_);
  if (writer_ != nullptr && attempt(*writer_)) finish(writer_);
  tell_hang_up();
}

// The call may destroy the socket, so it comes last.
void Socket::tell_hang_up() noexcept {
  const bool told = cancelled_ || (hang_up_kind_ == HangUpKind::kHalf ? hung_up_ : broken_);
  if (told && hang_up_ != nullptr) std::exchange(hang_up_, nullptr)(hang_up_context_);
}

void Socket::set_deadline(base::Duration from_now) noexcept {
  expired_ = false;
  if (from_now.count() <= 0) {
    deadline_.disarm();
  } else {
    reactor_.arm(deadline_, from_now);
  }
}

void Socket::clear_deadline() noexcept {
  expired_ = false;
  deadline_.disarm();
}

void Socket::fail_waiting(base::FailureKind kind) noexcept {
  const std::unexpected<base::Failure> failed(base::Failure{.kind = kind, .side = side_});
  if (reader_ != nullptr) {
    reader_->result_ = failed;
    finish(reader_);
  }
  if (writer_ != nullptr) {
    writer_->result_ = failed;
    finish(writer_);
  }
}

void Socket::deadline_passed(void* self) noexcept {
  auto* socket = static_cast<Socket*>(self);
  socket->expired_ = true;
  socket->fail_waiting(base::FailureKind::kTimeout);
}

void Socket::cancel() noexcept {
  cancelled_ = true;
  fail_waiting(base::FailureKind::kCancelled);
  tell_hang_up();
}

void Socket::interrupt_read() noexcept {
  if (reader_ == nullptr) return;
  reader_->result_ = std::unexpected(base::Failure{.kind = base::FailureKind::kCancelled, .side = side_});
  finish(reader_);
}

void Socket::on_hang_up(HangUp call, void* context, HangUpKind kind) noexcept {
  hang_up_ = call;
  hang_up_context_ = context;
  hang_up_kind_ = kind;
  tell_hang_up();
}

bool Socket::has_input() const noexcept {
  if (!can_read_) return false;
  char byte = 0;
  const ssize_t count = ::recv(fd_.get(), &byte, 1, MSG_PEEK);
  return count >= 0 || (errno != EAGAIN && errno != EINTR);
}

void Socket::shut_down_write() noexcept {
  ::shutdown(fd_.get(), SHUT_WR);
}

Fd Socket::release() noexcept {
  LIMPET_CHECK(reader_ == nullptr && writer_ == nullptr);
  deadline_.disarm();
  return std::move(fd_);
}

}  // namespace limpet::net
