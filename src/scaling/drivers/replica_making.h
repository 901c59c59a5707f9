#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "apis/docker/client.h"
#include "net/task.h"

namespace limpet::scaling {

/// What a new replica of a Compose service is made of.
struct ReplicaWish {
  std::string like;          ///< inspection of the container that it is to be like
  std::string image;         ///< name of another image; empty: that container's
  std::uint32_t number = 1;  ///< the first that is tried; later ones if its name is taken
};

/// A container that was made and does not run yet.
struct MadeReplica {
  std::string id;
  std::string name;
  std::uint32_t number = 0;
};

/// Makes a container and connects it to its networks. Fails with a sentence without a full stop; nothing is
/// left of it then.
[[nodiscard]] net::Task<std::expected<MadeReplica, std::string>> make_replica(apis::docker::Client& client,
                                                                              ReplicaWish wish);

}  // namespace limpet::scaling
