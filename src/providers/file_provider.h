#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "config/model/static.h"
#include "net/reactor.h"
#include "net/timer.h"
#include "providers/file_source.h"
#include "providers/file_watcher.h"
#include "providers/provider.h"
#include "providers/throttle.h"

namespace limpet::providers {

/// Dynamic configuration from a file or a directory, followed as it changes. A broken file is reported to the
/// sink and what was published before stays. Blocks the control thread while it reads.
class FileProvider final : public Provider, private net::EventHandler {
 public:
  /// `throttle` is the least time between two readings. `reactor` is the control thread's and outlives the
  /// provider.
  FileProvider(config::FileProvider settings, bool lenient, base::Duration throttle, net::Reactor& reactor);
  ~FileProvider() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "file"; }
  void start(Sink& sink) override;
  void reload() override;
  [[nodiscard]] net::Task<void> stop() override;
  [[nodiscard]] bool has_reported() const noexcept override { return sink_ != nullptr; }

 private:
  void on_events(std::uint32_t events) noexcept override;
  void on_timer() noexcept;
  void read_again();
  void close() noexcept;

  FileSource source_;
  net::Reactor& reactor_;
  Throttle throttle_;
  net::Timer timer_;
  std::optional<FileWatcher> watcher_;
  Sink* sink_ = nullptr;
};

}  // namespace limpet::providers
