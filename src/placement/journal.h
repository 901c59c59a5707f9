#pragma once

#include <condition_variable>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "balancing/admissions.h"
#include "balancing/reservations.h"

namespace limpet::placement {

/// A placement as it is kept on disk.
struct Row {
  balancing::PlacementId id = 0;
  std::string service;
  std::string key;
  std::string url;
  std::string moved_from;  ///< URL, empty if it never moved
  std::uint32_t seats = 0;
  std::uint32_t held = 0;  ///< of them, not taken yet
  std::uint64_t created_ms = 0;
  std::uint64_t expires_ms = 0;
  bool operator==(const Row&) const = default;
};
/// Fewer seats are held.
struct HeldSeats {
  balancing::PlacementId id = 0;
  std::uint32_t held = 0;
};
/// A placement has ended.
struct Removal {
  balancing::PlacementId id = 0;
};
/// Tickets that have expired are of no more use.
struct ExpiredTickets {
  std::uint64_t until_ms = 0;  ///< Unix time
};
using Change = std::variant<Row, HeldSeats, Removal, balancing::SpentTicket, ExpiredTickets>;

/// The SQLite file that placements and spent tickets are kept in, and the thread that writes it. What is
/// submitted together is stored together or not at all, in the order submitted; what waits while the disk
/// works goes into the next transaction, so that many submissions share one flush.
class Journal {
  class Database;

 public:
  /// Opens the file, made if new, and locks it for this process. Fails with a sentence.
  [[nodiscard]] static std::expected<std::unique_ptr<Journal>, std::string> open(const std::string& file);
  /// For open().
  Journal(std::unique_ptr<Database> database, std::vector<Row> rows,
          std::vector<balancing::SpentTicket> tickets);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  /// Stores what was submitted first.
  ~Journal();

  /// What the file had when it was opened.
  [[nodiscard]] std::vector<Row> take_rows() { return std::move(rows_); }
  [[nodiscard]] std::vector<balancing::SpentTicket> take_tickets() { return std::move(tickets_); }

  /// Told on the journal's thread whether the changes are on the disk, where a crash of the machine can't
  /// lose them.
  using Done = std::move_only_function<void(bool stored)>;
  /// Any thread.
  void submit(std::vector<Change> changes, Done done);

 private:
  struct Submission {
    std::vector<Change> changes;
    Done done;
  };
  void write(const std::stop_token& stop);

  std::unique_ptr<Database> database_;  // the thread's, once it runs
  std::vector<Row> rows_;
  std::vector<balancing::SpentTicket> tickets_;
  std::mutex mutex_;  // guards waiting_
  std::condition_variable_any wake_;
  std::vector<Submission> waiting_;
  std::jthread thread_;  // the last member: ends first
};

}  // namespace limpet::placement
