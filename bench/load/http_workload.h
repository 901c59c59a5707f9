#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/fleet.h"
#include "load/options.h"
#include "load/recorder.h"
#include "load/workload.h"

namespace limpet::bench {

/// Clients with keep-alive connections that send the requests of a script one after the other, each when the
/// answer to the last one is complete. Answers must be 200, have a Content-Length and begin as the script
/// says.
class HttpWorkload final : public Workload {
 public:
  /// One request and how its answer's body begins.
  struct Request {
    std::string bytes;
    std::string_view expected;
  };

  /// All three must outlive the workload.
  HttpWorkload(const Options& options, Fleet& fleet, Recorder& recorder);

  [[nodiscard]] bool websocket() const override { return false; }
  void start(std::int64_t now) override;
  void stop() override { running_ = false; }
  [[nodiscard]] std::uint64_t outstanding() const override { return outstanding_; }
  void opened(Connection& connection) override;
  std::size_t response(Connection& connection, std::string_view bytes, std::int64_t now) override;
  bool closed(Connection& connection, std::int64_t now) override;

 private:
  void ask(Connection& connection, std::int64_t now);
  void answered(Connection& connection, std::string_view head, std::string_view body, std::int64_t now);
  void refuse(Connection& connection, std::string_view text);

  Fleet& fleet_;
  Recorder& recorder_;
  std::vector<Request> script_;
  bool running_ = false;
  std::uint64_t outstanding_ = 0;
};

}  // namespace limpet::bench
