#pragma once

#include <string_view>

#include "base/diagnostics.h"
#include "config/model/dynamic.h"
#include "net/task.h"

/// Sources of dynamic configuration: files, Docker, and later Consul and Kubernetes.
namespace limpet::providers {

/// Takes what providers find. Control thread only.
class Sink {
 public:
  /// `configuration` is the whole of what `provider` knows; it replaces what it gave before.
  virtual void publish(std::string_view provider, config::Dynamic configuration,
                       base::Diagnostics warnings) = 0;
  /// What the provider reads is broken: what it gave before stays in force.
  virtual void failed(std::string_view provider, base::Diagnostics errors) = 0;

 protected:
  ~Sink() = default;
};

/// Watches one source and sends its whole configuration whenever it has changed. Lives on the control
/// thread's reactor, between start() and stop().
class Provider {
 public:
  Provider() = default;
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;
  virtual ~Provider() = default;

  /// The name behind the '@' of what it defines: "file", "docker".
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// Reads for the first time before it returns, if the source can be read at once, and watches from then on.
  /// `sink` outlives the provider.
  virtual void start(Sink& sink) = 0;
  /// Reads again now, whether or not a change was seen (SIGHUP).
  virtual void reload() = 0;
  /// Ends what is under way; to be awaited before the end of a provider that was started. Once.
  [[nodiscard]] virtual net::Task<void> stop() = 0;
  /// Whether it has told the sink anything since its start.
  [[nodiscard]] virtual bool has_reported() const noexcept = 0;
};

}  // namespace limpet::providers
