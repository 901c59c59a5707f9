#include "providers/file_provider.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace limpet::providers {
namespace {

/// Editors write in several steps within a few milliseconds; they count as one change.
constexpr base::Duration kSettle = std::chrono::milliseconds(50);

}  // namespace

FileProvider::FileProvider(config::FileProvider settings, bool lenient, base::Duration throttle,
                           net::Reactor& reactor)
    : source_(std::move(settings), lenient),
      reactor_(reactor),
      throttle_(kSettle, throttle),
      timer_([](void* self) noexcept { static_cast<FileProvider*>(self)->on_timer(); }, this) {}

FileProvider::~FileProvider() {
  close();
}

void FileProvider::start(Sink& sink) {
  sink_ = &sink;
  if (source_.settings().watch) {
    auto watcher = FileWatcher::open(source_.settings());
    if (watcher) {
      watcher_ = std::move(*watcher);
    }
    if (!watcher || !reactor_.add_reader(watcher_->fd(), *this)) {
      base::Diagnostics problems;
      problems.error({.source = source_.settings().filename + source_.settings().directory},
                     "providers.file.watch", watcher ? "the file cannot be watched" : watcher.error());
      watcher_.reset();
      sink.failed(name(), std::move(problems));
    }
  }
  reload();
}

void FileProvider::reload() {
  if (sink_ == nullptr) return;
  auto reading = source_.read();
  if (reading) {
    sink_->publish(name(), std::move(reading->configuration), std::move(reading->warnings));
  } else {
    sink_->failed(name(), std::move(reading.error()));
  }
}

net::Task<void> FileProvider::stop() {
  close();
  co_return;
}

void FileProvider::close() noexcept {
  timer_.disarm();
  if (watcher_) reactor_.remove(watcher_->fd());
  watcher_.reset();
  sink_ = nullptr;
}

void FileProvider::on_events(std::uint32_t /*events*/) noexcept {
  if (!watcher_ || !watcher_->drain()) return;
  const base::TimePoint now = base::Clock::now();
  const base::TimePoint due = throttle_.note(now);
  reactor_.arm(timer_, std::max(due - now, base::Duration::zero()));
}

void FileProvider::on_timer() noexcept {
  if (sink_ != nullptr) read_again();
}

void FileProvider::read_again() {
  auto reading = source_.read_if_changed();
  throttle_.done(base::Clock::now());
  if (!reading) {
    sink_->failed(name(), std::move(reading.error()));
  } else if (*reading) {
    sink_->publish(name(), std::move((*reading)->configuration), std::move((*reading)->warnings));
  }
}

}  // namespace limpet::providers
