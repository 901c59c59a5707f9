#include <linux/bpf.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "bare/relay.h"

namespace limpet::bench {
namespace {

constexpr std::uint32_t kSockets = 65536;

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

Descriptor make_map(bpf_map_type type, std::uint32_t key_size) {
  bpf_attr attributes{};
  attributes.map_type = type;
  attributes.key_size = key_size;
  attributes.value_size = 4;
  attributes.max_entries = kSockets;
  Descriptor map(bpf(BPF_MAP_CREATE, attributes));
  expect(map.get() >= 0, "BPF_MAP_CREATE");
  return map;
}

template <class Key, class Value>
void put(const Descriptor& map, Key key, Value value) {
  bpf_attr attributes{};
  attributes.map_fd = static_cast<std::uint32_t>(map.get());
  attributes.key = reinterpret_cast<std::uintptr_t>(&key);
  attributes.value = reinterpret_cast<std::uintptr_t>(&value);
  expect(bpf(BPF_MAP_UPDATE_ELEM, attributes) == 0, "BPF_MAP_UPDATE_ELEM");
}

constexpr bpf_insn instruction(int code, int destination, int source, std::int16_t offset,
                               std::int32_t value) {
  bpf_insn made{};
  made.code = static_cast<std::uint8_t>(code);
  made.dst_reg = static_cast<std::uint8_t>(destination & 0xf);
  made.src_reg = static_cast<std::uint8_t>(source & 0xf);
  made.off = offset;
  made.imm = value;
  return made;
}
constexpr bpf_insn call(bpf_func_id function) {
  return instruction(BPF_JMP | BPF_CALL, 0, 0, 0, function);
}
constexpr bpf_insn copy(int to, int from) {
  return instruction(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

/// The socket whose number stands under the cookie of the one that has bytes gets them.
Descriptor load_program(const Descriptor& numbers, const Descriptor& sockets) {
  const std::array program = {
      copy(6, 1),
      call(BPF_FUNC_get_socket_cookie),
      instruction(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 0),
      copy(2, 10),
      instruction(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -8),
      instruction(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, numbers.get()),
      instruction(0, 0, 0, 0, 0),
      call(BPF_FUNC_map_lookup_elem),
      instruction(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0),
      instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, SK_PASS),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
      instruction(BPF_LDX | BPF_MEM | BPF_W, 3, 0, 0, 0),
      copy(1, 6),
      instruction(BPF_LD | BPF_DW | BPF_IMM, 2, BPF_PSEUDO_MAP_FD, 0, sockets.get()),
      instruction(0, 0, 0, 0, 0),
      instruction(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
      call(BPF_FUNC_sk_redirect_map),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SK_SKB;
  attributes.insns = reinterpret_cast<std::uintptr_t>(program.data());
  attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
  attributes.license = reinterpret_cast<std::uintptr_t>("GPL");
  Descriptor loaded(bpf(BPF_PROG_LOAD, attributes));
  expect(loaded.get() >= 0, "BPF_PROG_LOAD");
  return loaded;
}

class SockmapRelay final : public BareRelay {
 public:
  SockmapRelay() {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<std::uint32_t>(sockets_.get());
    attributes.attach_bpf_fd = static_cast<std::uint32_t>(program_.get());
    attributes.attach_type = BPF_SK_SKB_STREAM_VERDICT;
    expect(bpf(BPF_PROG_ATTACH, attributes) == 0, "BPF_PROG_ATTACH");
  }

  [[noreturn]] void run(const Descriptor& listening, const sockaddr_in& server) override {
    watch(listening.get(), EPOLLIN);
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listening.get()) {
          accept_all(fd, server);
        } else {
          pairs_.close(fd);
        }
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    expect(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }

  void accept_all(int listening, const sockaddr_in& server) {
    for (int client = pairs_.accept_one(listening, server); client >= 0;
         client = pairs_.accept_one(listening, server)) {
      const int upstream = pairs_.peer(client);
      for (const int fd : {client, upstream}) {
        std::uint64_t cookie = 0;
        socklen_t size = sizeof cookie;
        expect(::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0, "SO_COOKIE");
        put(numbers_, cookie, static_cast<std::uint32_t>(pairs_.peer(fd)));
        put(sockets_, static_cast<std::uint32_t>(fd), static_cast<std::uint32_t>(fd));
        watch(fd, EPOLLRDHUP);
      }
      // What came before the program was there.
      const ssize_t early = ::recv(client, buffer_.data(), buffer_.size(), 0);
      if (early > 0) ::send(upstream, buffer_.data(), static_cast<std::size_t>(early), MSG_NOSIGNAL);
    }
  }

  Descriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  Descriptor numbers_ = make_map(BPF_MAP_TYPE_HASH, 8);
  Descriptor sockets_ = make_map(BPF_MAP_TYPE_SOCKMAP, 4);
  Descriptor program_ = load_program(numbers_, sockets_);
  Pairs pairs_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{64} * 1024);
};

}  // namespace

std::unique_ptr<BareRelay> make_sockmap_relay() {
  return std::make_unique<SockmapRelay>();
}

}  // namespace limpet::bench
