#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "bare/relay.h"

namespace limpet::bench {
namespace {

constexpr std::size_t kBufferSize = 4096;
constexpr unsigned kBuffers = 256;
constexpr std::uint64_t kAccept = ~std::uint64_t{0};
constexpr std::uint64_t kSend = std::uint64_t{1} << 63U;

/// The kernel wants its ring of buffers at the beginning of one.
struct alignas(4096) Page {
  char bytes[4096];
};

class UringRelay final : public BareRelay {
 public:
  UringRelay() {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                   IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
    params.cq_entries = 4096;
    errno = -io_uring_queue_init_params(1024, &ring_, &params);
    expect(errno == 0, "io_uring_setup");
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffer_ring_.data());
    registration.ring_entries = kBuffers;
    errno = -io_uring_register_buf_ring(&ring_, &registration, 0);
    expect(errno == 0, "io_uring_register_buf_ring");
    for (unsigned i = 0; i < kBuffers; ++i) give_back(i);
    show_buffers();
  }
  ~UringRelay() override { io_uring_queue_exit(&ring_); }

  [[noreturn]] void run(const Descriptor& listening, const sockaddr_in& server) override {
    io_uring_sqe* const accept = io_uring_get_sqe(&ring_);
    io_uring_prep_poll_multishot(accept, listening.get(), POLL_IN);
    accept->user_data = kAccept;
    while (true) {
      io_uring_submit_and_wait(&ring_, 1);
      // A send is over when the submission returns.
      for (const unsigned buffer : sent_) give_back(buffer);
      sent_.clear();
      for (const std::uint64_t ended : ended_) {
        const auto fd = static_cast<int>(static_cast<std::uint32_t>(ended));
        if (ended == tag(fd)) pairs_.close(fd);
      }
      ended_.clear();
      unsigned head = 0;
      unsigned count = 0;
      io_uring_cqe* completion = nullptr;
      io_uring_for_each_cqe(&ring_, head, completion) {
        ++count;
        if (completion->user_data == kAccept) {
          accept_all(listening.get(), server);
        } else if ((completion->user_data & kSend) == 0) {
          received(*completion);
        }
      }
      io_uring_cq_advance(&ring_, count);
      show_buffers();
    }
  }

 private:
  io_uring_sqe& entry() {
    io_uring_sqe* made = io_uring_get_sqe(&ring_);
    while (made == nullptr) {
      io_uring_submit(&ring_);
      made = io_uring_get_sqe(&ring_);
    }
    return *made;
  }

  void give_back(unsigned number) noexcept {
    io_uring_buf_ring_add(buffers(), memory_.data() + number * kBufferSize, kBufferSize,
                          static_cast<unsigned short>(number), io_uring_buf_ring_mask(kBuffers),
                          given_back_++);
  }
  void show_buffers() noexcept {
    io_uring_buf_ring_advance(buffers(), given_back_);
    given_back_ = 0;
  }
  io_uring_buf_ring* buffers() noexcept { return reinterpret_cast<io_uring_buf_ring*>(buffer_ring_.data()); }

  [[nodiscard]] std::uint64_t tag(int fd) const noexcept {
    constexpr std::uint32_t kBits = 0x7fffffff;
    return static_cast<std::uint32_t>(fd) | std::uint64_t{pairs_.generation(fd) & kBits} << 32U;
  }

  void receive(int fd) {
    io_uring_sqe& receive = entry();
    io_uring_prep_recv_multishot(&receive, fd, nullptr, 0, 0);
    receive.flags |= IOSQE_BUFFER_SELECT;
    receive.user_data = tag(fd);
  }

  void accept_all(int listening, const sockaddr_in& server) {
    for (int client = pairs_.accept_one(listening, server); client >= 0;
         client = pairs_.accept_one(listening, server)) {
      receive(client);
      receive(pairs_.peer(client));
    }
  }

  void received(const io_uring_cqe& completion) {
    const auto fd = static_cast<int>(static_cast<std::uint32_t>(completion.user_data));
    const int to = completion.user_data == tag(fd) ? pairs_.peer(fd) : -1;
    if (completion.res > 0) {
      const unsigned buffer = completion.flags >> IORING_CQE_BUFFER_SHIFT;
      sent_.push_back(buffer);
      if (to < 0) return;
      io_uring_sqe& send = entry();
      io_uring_prep_send(&send, to, memory_.data() + buffer * kBufferSize,
                         static_cast<std::size_t>(completion.res), MSG_NOSIGNAL | MSG_DONTWAIT);
      send.flags |= IOSQE_CQE_SKIP_SUCCESS;
      send.user_data = kSend;
    } else if (completion.res != -ENOBUFS) {
      if (to >= 0) {
        // The other one's receive holds its socket open.
        ::shutdown(to, SHUT_RDWR);
        ended_.push_back(completion.user_data);
      }
      return;
    }
    if ((completion.flags & IORING_CQE_F_MORE) == 0 && to >= 0) receive(fd);
  }

  io_uring ring_{};
  std::vector<char> memory_ = std::vector<char>(kBuffers * kBufferSize);
  std::vector<Page> buffer_ring_ = std::vector<Page>(kBuffers * sizeof(io_uring_buf) / sizeof(Page));
  int given_back_ = 0;
  std::vector<unsigned> sent_;
  std::vector<std::uint64_t> ended_;  // tags; closed after the submission, which may have sends to them
  Pairs pairs_;
};

}  // namespace

std::unique_ptr<BareRelay> make_uring_relay() {
  return std::make_unique<UringRelay>();
}

}  // namespace limpet::bench
