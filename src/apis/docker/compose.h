#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "apis/docker/types.h"

/// Replicas of Docker Compose services: which containers they are, and what one more is made of. Pure.
namespace limpet::apis::docker {

/// A service of a Compose project, as its containers' labels name it.
struct ComposeService {
  std::string project;
  std::string service;
  bool operator==(const ComposeService&) const = default;
};

/// The filter of lists and event streams that leaves the service's containers, one-off ones among them, as
/// the members of a JSON object: `"label":[…]`.
[[nodiscard]] std::string label_filter(const ComposeService& of);

/// A container of a Compose service, as a row of the list tells of it.
struct Replica {
  enum class State : std::uint8_t {
    kCreated,     ///< never ran
    kRunning,     ///< and is not paused
    kPaused,      ///< runs, and does nothing
    kRestarting,  ///< has ended, and the Engine starts it again
    kEnded,
    kGone,  ///< is being removed, or can't be started any more
  };
  std::string id;
  std::string name;      ///< without the slash before it
  std::string image_id;  ///< "sha256:…"
  std::string status;    ///< for people: "Exited (1)", "Up"
  std::uint32_t number = 0;
  std::int64_t created = 0;  ///< Unix time, seconds
  State state = State::kGone;
  Health health = Health::kNone;
  std::vector<Network> networks;  ///< sorted by name
  std::vector<Binding> bindings;  ///< of all its TCP ports

  [[nodiscard]] bool runs() const noexcept { return state == State::kRunning || state == State::kPaused; }
  /// Whether the address is one of its own, or of the host and bound to it.
  [[nodiscard]] bool is_at(std::string_view host, std::uint16_t port) const noexcept;
};

/// Reads a list of containers. Those that are not replicas of `of` are passed over: other services', and
/// one-off containers (`docker-compose run`).
[[nodiscard]] std::expected<std::vector<Replica>, std::string> parse_replicas(std::string_view json,
                                                                              const ComposeService& of);

/// The image of a replica to be.
struct ReplicaImage {
  std::string name;    ///< "chat:2", or an id
  std::string id;      ///< what the name stands for
  std::string before;  ///< inspection of the image that `name` takes the place of; empty: it is the same one
};

/// One more container of a service.
struct NewReplica {
  struct Connection {
    std::string network;
    std::string endpoint;  ///< JSON: how the container is known there
  };
  std::string name;
  std::string body;                     ///< JSON, what the container is created with
  std::vector<Connection> connections;  ///< to be made before it starts
};

/// What Compose would make if it were to add replica `number` to the service of the inspected container: the
/// same settings, labels, networks and mounts; its name and number are its own, and so are volumes without a
/// name. Where the image is another one, what the container has from the image before it is left out, so that
/// it comes from the new one. Fails with a sentence.
[[nodiscard]] std::expected<NewReplica, std::string> next_replica(std::string_view inspected,
                                                                  std::uint32_t number,
                                                                  const ReplicaImage& image);

/// What the inspected container is made of: the name of its image as its settings have it, and its id.
[[nodiscard]] std::expected<ReplicaImage, std::string> image_of(std::string_view inspected);
/// How long the inspected container may take to stop, in seconds; -1: as long as it takes.
[[nodiscard]] int stop_seconds(std::string_view inspected);
/// The "Id" of an answer, empty if there is none.
[[nodiscard]] std::string id_of(std::string_view json);
/// The last line of a container's output, as the Engine sends it with the header of each piece before it.
[[nodiscard]] std::string last_line(std::string_view output);

}  // namespace limpet::apis::docker
