#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "routing/snapshot.h"

namespace limpet::routing {

/// A request for one of Limpet's own services, complete with its body.
struct InternalRequest {
  InternalService service = InternalService::kApi;
  std::string entry_point;
  std::string method;
  std::string path;
  std::string query;
  std::string host;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

struct InternalAnswer {
  std::uint16_t status = 200;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

/// A key whose server is wanted on the data path.
struct KeyRequest {
  std::string service;  ///< qualified name
  std::string key;
  std::string url;  ///< where the key is to be from now on; empty: where it is, or wherever it fits
};

/// What becomes of it.
struct KeyAnswer {
  std::uint64_t placement = 0;  ///< see balancing::PlacementId; 0: there is no place
  std::uint16_t status = 200;   ///< of the answer to the user, if there is none
};

/// Finds the servers of keys. Called on a data-plane thread; `reply` may be called later from any thread,
/// exactly once.
class KeyPlacer {
 public:
  using Reply = std::move_only_function<void(KeyAnswer)>;
  virtual void place_key(KeyRequest request, Reply reply) = 0;

 protected:
  ~KeyPlacer() = default;
};

/// Answers requests for internal services. Called on a data-plane thread; `reply` may be called later from
/// any thread, exactly once.
class InternalHandler {
 public:
  using Reply = std::move_only_function<void(InternalAnswer)>;
  virtual void handle(InternalRequest request, Reply reply) = 0;

 protected:
  ~InternalHandler() = default;
};

}  // namespace limpet::routing
