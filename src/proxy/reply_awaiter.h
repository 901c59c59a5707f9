#pragma once

#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "net/reactor.h"
#include "net/socket.h"

namespace limpet::proxy {

/// Waits for a reply, from whichever thread it comes, or for the end of the client's connection (nothing). To
/// be awaited once, on the connection's thread.
template <class Reply>
class ReplyAwaiter {
 public:
  using Send = std::move_only_function<void(Reply)>;
  /// `ask` is given what the reply is to be sent with.
  ReplyAwaiter(net::Socket& client, std::move_only_function<void(Send)> ask)
      : client_(client), ask_(std::move(ask)) {}
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    slot_->waiter = waiter;
    ask_([slot = slot_, &reactor = client_.reactor()](Reply made) {
      reactor.post([slot, made = std::move(made)]() mutable {
        if (!slot->waiter) return;
        slot->reply = std::move(made);
        std::exchange(slot->waiter, nullptr).resume();
      });
    });
    client_.on_hang_up(&ReplyAwaiter::give_up, this, net::Socket::HangUpKind::kBroken);
  }
  [[nodiscard]] std::optional<Reply> await_resume() {
    client_.on_hang_up(nullptr, nullptr);
    return std::move(slot_->reply);
  }

 private:
  struct Slot {
    std::coroutine_handle<> waiter;
    std::optional<Reply> reply;
  };
  static void give_up(void* self) noexcept {
    auto* awaiter = static_cast<ReplyAwaiter*>(self);
    const auto waiter = std::exchange(awaiter->slot_->waiter, nullptr);
    if (waiter) awaiter->client_.reactor().resume_soon(waiter);
  }

  net::Socket& client_;
  std::move_only_function<void(Send)> ask_;
  std::shared_ptr<Slot> slot_ =
      std::make_shared<Slot>();  // shared: the reply may come after the request is gone
};

}  // namespace limpet::proxy
