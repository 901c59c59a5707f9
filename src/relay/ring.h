#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>

namespace limpet::relay {

/// An io_uring with a set of buffers that the kernel picks from for receives. Made on any thread, used on
/// one.
class Ring {
 public:
  static constexpr std::size_t kBufferSize = 4096;
  static constexpr std::uint16_t kBuffers = 256;
  static constexpr std::uint16_t kBufferGroup = 0;

  /// Throws std::system_error if the kernel does not allow it or is too old (6.1 is needed).
  Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  /// An entry to be filled in at once; submitted with the next submit_and_wait(), or earlier if there are
  /// many.
  [[nodiscard]] io_uring_sqe& entry() noexcept;
  /// Submits what there is and waits for a completion, for at most `timeout_ms` (-1: as long as it takes).
  void submit_and_wait(int timeout_ms) noexcept;
  /// Whether the kernel can do submit_and_gather() (6.12).
  [[nodiscard]] bool can_gather() const noexcept;
  /// The same, but waits for up to `most` completions until the delay has passed, and only then for
  /// one. Needs can_gather().
  void submit_and_gather(int timeout_ms, unsigned most, std::uint32_t delay_us) noexcept;
  /// Calls `visit(const io_uring_cqe&)` for every completion that is here, oldest first.
  template <class Visit>
  void for_each_completion(Visit visit) {
    unsigned head = 0;
    io_uring_cqe* completion = nullptr;
    io_uring_for_each_cqe(&ring_, head, completion) visit(static_cast<const io_uring_cqe&>(*completion));
  }
  /// Forgets the `count` oldest completions.
  void forget_completions(unsigned count) noexcept { io_uring_cq_advance(&ring_, count); }

  [[nodiscard]] char* buffer(std::uint16_t number) noexcept { return memory_.data() + number * kBufferSize; }
  /// The kernel may use the buffer again, from the next submission on.
  void give_back(std::uint16_t number) noexcept;

 private:
  /// Memory from the kernel, whole pages.
  class Pages {
   public:
    explicit Pages(std::size_t size);
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    ~Pages();
    [[nodiscard]] char* data() const noexcept { return data_; }

   private:
    char* data_;
    std::size_t size_;
  };

  void prepare_submission() noexcept;
  void submit_what_is_left() noexcept;
  void publish_buffers() noexcept;

  Pages memory_;
  Pages buffer_ring_;
  io_uring ring_{};
  int given_back_ = 0;  // not yet shown to the kernel
  bool enabled_ = false;
};

}  // namespace limpet::relay
