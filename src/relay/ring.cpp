#include "relay/ring.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

#include "base/check.h"

namespace limpet::relay {
namespace {

constexpr unsigned kEntries = 1024;
// Newer than Debian's liburing, whose header does not know them.
constexpr unsigned kFeatureMinTimeout = 1U << 15U;
constexpr unsigned kRegisteredRing = 1;  // a bit of io_uring::int_flags

// More than one submission can complete, so that no failed send is ever in the kernel's overflow list.
constexpr unsigned kCompletions = 4096;

[[noreturn]] void fail(int code, const char* what) {
  throw std::system_error(code, std::generic_category(), what);
}

io_uring_buf_ring* as_buffer_ring(char* memory) noexcept {
  return reinterpret_cast<io_uring_buf_ring*>(memory);
}

}  // namespace

Ring::Pages::Pages(std::size_t size) : size_(size) {
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail(errno, "no memory for io_uring's buffers");
  data_ = static_cast<char*>(memory);
}

Ring::Pages::~Pages() {
  ::munmap(data_, size_);
}

Ring::Ring() : memory_(kBuffers * kBufferSize), buffer_ring_(kBuffers * sizeof(io_uring_buf)) {
  io_uring_params params{};
  // Completions are made on this thread when it waits, and nobody is interrupted for them.
  params.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
  params.cq_entries = kCompletions;
  const int made = io_uring_queue_init_params(kEntries, &ring_, &params);
  if (made < 0) fail(-made, "io_uring_setup");

  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffer_ring_.data());
  registration.ring_entries = kBuffers;
  registration.bgid = kBufferGroup;
  const int registered = io_uring_register_buf_ring(&ring_, &registration, 0);
  if (registered < 0) {
    io_uring_queue_exit(&ring_);
    fail(-registered, "io_uring_register_buf_ring");
  }
  io_uring_buf_ring_init(as_buffer_ring(buffer_ring_.data()));
  for (std::uint16_t number = 0; number < kBuffers; ++number) give_back(number);
  publish_buffers();
}

Ring::~Ring() {
  io_uring_queue_exit(&ring_);
}

void Ring::prepare_submission() noexcept {
  if (!enabled_) {
    // liburing 2.3 declares io_uring_enable_rings() and does not export it.
    LIMPET_CHECK(io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS,
                                   nullptr, 0) == 0);
    enabled_ = true;
    // Only saves a look-up for each system call.
    static_cast<void>(io_uring_register_ring_fd(&ring_));
  }
  publish_buffers();
}

io_uring_sqe& Ring::entry() noexcept {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  for (int tries = 0; entry == nullptr && tries < 1000; ++tries) {
    prepare_submission();
    io_uring_submit(&ring_);
    entry = io_uring_get_sqe(&ring_);
  }
  LIMPET_CHECK(entry != nullptr);
  return *entry;
}

void Ring::submit_and_wait(int timeout_ms) noexcept {
  prepare_submission();
  if (timeout_ms < 0) {
    io_uring_submit_and_wait(&ring_, 1);
  } else if (timeout_ms == 0) {
    io_uring_submit_and_get_events(&ring_);
  } else {
    __kernel_timespec timeout{.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1'000'000LL};
    io_uring_cqe* first = nullptr;
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  }
  submit_what_is_left();
}

bool Ring::can_gather() const noexcept {
  return (ring_.features & kFeatureMinTimeout) != 0;
}

void Ring::submit_and_gather(int timeout_ms, unsigned most, std::uint32_t delay_us) noexcept {
  prepare_submission();
  // What liburing does before it waits; its call for this came later.
  io_uring_sq& queue = ring_.sq;
  queue.sqe_head = queue.sqe_tail;
  io_uring_smp_store_release(queue.ktail, queue.sqe_tail);
  const unsigned entries = queue.sqe_tail - io_uring_smp_load_acquire(queue.khead);
  __kernel_timespec timeout{.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1'000'000LL};
  io_uring_getevents_arg limits{};
  limits.pad = delay_us;  // later called min_wait_usec
  limits.ts = timeout_ms < 0 ? 0 : reinterpret_cast<std::uintptr_t>(&timeout);
  unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
  if ((ring_.int_flags & kRegisteredRing) != 0) flags |= IORING_ENTER_REGISTERED_RING;
  io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), entries, most, flags,
                  reinterpret_cast<sigset_t*>(&limits), sizeof limits);
  submit_what_is_left();
}

void Ring::submit_what_is_left() noexcept {
  // The kernel takes all entries unless it has no memory at that moment.
  for (int tries = 0; io_uring_sq_ready(&ring_) != 0; ++tries) {
    LIMPET_CHECK(tries < 1000);
    io_uring_submit(&ring_);
  }
}

void Ring::give_back(std::uint16_t number) noexcept {
  io_uring_buf_ring_add(as_buffer_ring(buffer_ring_.data()), buffer(number), kBufferSize, number,
                        io_uring_buf_ring_mask(kBuffers), given_back_++);
}

void Ring::publish_buffers() noexcept {
  if (given_back_ == 0) return;
  io_uring_buf_ring_advance(as_buffer_ring(buffer_ring_.data()), given_back_);
  given_back_ = 0;
}

}  // namespace limpet::relay
