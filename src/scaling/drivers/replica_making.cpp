#include "scaling/drivers/replica_making.h"

#include <fmt/format.h>

#include <utility>

#include "apis/docker/compose.h"

namespace limpet::scaling {
namespace {

using apis::docker::Client;
using apis::docker::ReplicaImage;

constexpr std::uint32_t kMostNumbers = 10;
constexpr int kConflict = 409;
constexpr int kNotFound = 404;

/// Finds out what the new container's image is.
net::Task<std::expected<ReplicaImage, std::string>> image_for(Client& client, ReplicaWish wish) {
  auto image = apis::docker::image_of(wish.like);
  if (!image) co_return std::unexpected(image.error());
  const std::string name = wish.image.empty() ? image->name : wish.image;
  const auto found = co_await client.inspect_image(name);
  if (!found && (found.error().status != kNotFound || !wish.image.empty())) {
    co_return std::unexpected(fmt::format("image {}: {}", name, found.error().text));
  }
  const std::string id = found ? apis::docker::id_of(*found) : std::string();
  if (id == image->id) {
    image->name = name;
    co_return std::move(*image);
  }
  if (wish.image.empty()) {
    // The name stands for another image by now: servers move to that when somebody says so, not by chance.
    image->name = image->id;
    co_return std::move(*image);
  }
  auto before = co_await client.inspect_image(image->id);
  if (!before) {
    co_return std::unexpected(
        fmt::format("image {}, which {} takes the place of: {}", image->id, name, before.error().text));
  }
  co_return ReplicaImage{.name = name, .id = id, .before = std::move(*before)};
}

}  // namespace

net::Task<std::expected<MadeReplica, std::string>> make_replica(Client& client, ReplicaWish wish) {
  const auto image = co_await image_for(client, wish);
  if (!image) co_return std::unexpected(image.error());
  for (std::uint32_t tried = 0;; ++tried) {
    const std::uint32_t number = wish.number + tried;
    const auto replica = apis::docker::next_replica(wish.like, number, *image);
    if (!replica) co_return std::unexpected(replica.error());
    const auto id = co_await client.create(replica->name, replica->body);
    if (!id && id.error().status == kConflict && tried + 1 < kMostNumbers) continue;
    if (!id) co_return std::unexpected(fmt::format("{}: {}", replica->name, id.error().text));
    for (const auto& connection : replica->connections) {
      const auto connected = co_await client.connect(*id, connection);
      if (connected) continue;
      static_cast<void>(co_await client.remove(*id, true));
      co_return std::unexpected(
          fmt::format("{}: network {}: {}", replica->name, connection.network, connected.error().text));
    }
    co_return MadeReplica{.id = *id, .name = replica->name, .number = number};
  }
}

}  // namespace limpet::scaling
