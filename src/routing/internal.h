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
