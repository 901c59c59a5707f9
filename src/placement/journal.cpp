#include "placement/journal.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

#include "base/log.h"

namespace limpet::placement {
namespace {

constexpr const char* kSchema = R"(
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS placements (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    key TEXT NOT NULL,
    url TEXT NOT NULL,
    moved_from TEXT NOT NULL,
    seats INTEGER NOT NULL,
    held INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS spent_tickets (
    nonce INTEGER PRIMARY KEY,
    expires_ms INTEGER NOT NULL
  );
  BEGIN EXCLUSIVE;
  COMMIT;
)";
constexpr const char* kSelect =
    "SELECT id, service, key, url, moved_from, seats, held, created_ms, expires_ms FROM placements";
constexpr const char* kPut = "INSERT OR REPLACE INTO placements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* kSetHeld = "UPDATE placements SET held = ? WHERE id = ?";
constexpr const char* kSelectTickets = "SELECT nonce, expires_ms FROM spent_tickets";
constexpr const char* kSpend = "INSERT OR REPLACE INTO spent_tickets VALUES (?, ?)";
constexpr const char* kExpire = "DELETE FROM spent_tickets WHERE expires_ms <= ?";
constexpr const char* kRemove = "DELETE FROM placements WHERE id = ?";

struct CloseStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
struct CloseDatabase {
  void operator()(sqlite3* database) const noexcept { sqlite3_close(database); }
};

// SQLite has signed numbers only.
sqlite3_int64 to_signed(std::uint64_t value) noexcept {
  return static_cast<sqlite3_int64>(value);
}

}  // namespace

/// The open file. One thread at a time.
class Journal::Database {
 public:
  using Statement = std::unique_ptr<sqlite3_stmt, CloseStatement>;

  /// False: see problem().
  bool open(const std::string& file) {
    sqlite3* opened = nullptr;
    const int result =
        sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    database_.reset(opened);
    if (result != SQLITE_OK || !execute(kSchema)) return false;
    put_ = prepare(kPut);
    set_held_ = prepare(kSetHeld);
    remove_ = prepare(kRemove);
    spend_ = prepare(kSpend);
    expire_ = prepare(kExpire);
    return put_ != nullptr && set_held_ != nullptr && remove_ != nullptr && spend_ != nullptr &&
           expire_ != nullptr;
  }

  [[nodiscard]] std::string problem() const {
    return database_ == nullptr ? "out of memory" : sqlite3_errmsg(database_.get());
  }

  bool execute(const char* statements) {
    return sqlite3_exec(database_.get(), statements, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  bool read_rows(std::vector<Row>& out) {
    const Statement select = prepare(kSelect);
    if (select == nullptr) return false;
    int step = 0;
    while ((step = sqlite3_step(select.get())) == SQLITE_ROW) {
      const auto number = [&](int column) { return number_in(select, column); };
      const auto text = [&](int column) {
        const auto* bytes = static_cast<const char*>(sqlite3_column_blob(select.get(), column));
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(select.get(), column));
        return bytes == nullptr ? std::string{} : std::string(bytes, size);
      };
      out.push_back({.id = number(0),
                     .service = text(1),
                     .key = text(2),
                     .url = text(3),
                     .moved_from = text(4),
                     .seats = static_cast<std::uint32_t>(number(5)),
                     .held = static_cast<std::uint32_t>(number(6)),
                     .created_ms = number(7),
                     .expires_ms = number(8)});
    }
    return step == SQLITE_DONE;
  }

  bool read_tickets(std::vector<balancing::SpentTicket>& out) {
    const Statement select = prepare(kSelectTickets);
    if (select == nullptr) return false;
    int step = 0;
    while ((step = sqlite3_step(select.get())) == SQLITE_ROW) {
      out.push_back({.nonce = number_in(select, 0), .expires_ms = number_in(select, 1)});
    }
    return step == SQLITE_DONE;
  }

  bool apply(const Change& change) {
    return std::visit([this](const auto& each) { return apply_one(each); }, change);
  }

 private:
  bool apply_one(const Row& row) {
    bind(put_, 1, row.id);
    bind(put_, 2, row.service);
    bind(put_, 3, row.key);
    bind(put_, 4, row.url);
    bind(put_, 5, row.moved_from);
    bind(put_, 6, std::uint64_t{row.seats});
    bind(put_, 7, std::uint64_t{row.held});
    bind(put_, 8, row.created_ms);
    bind(put_, 9, row.expires_ms);
    return run(put_);
  }
  bool apply_one(const HeldSeats& held) {
    bind(set_held_, 1, std::uint64_t{held.held});
    bind(set_held_, 2, held.id);
    return run(set_held_);
  }
  bool apply_one(const Removal& removal) {
    bind(remove_, 1, removal.id);
    return run(remove_);
  }
  bool apply_one(const balancing::SpentTicket& ticket) {
    bind(spend_, 1, ticket.nonce);
    bind(spend_, 2, ticket.expires_ms);
    return run(spend_);
  }
  bool apply_one(const ExpiredTickets& expired) {
    bind(expire_, 1, expired.until_ms);
    return run(expire_);
  }

  static std::uint64_t number_in(const Statement& row, int column) {
    return static_cast<std::uint64_t>(sqlite3_column_int64(row.get(), column));
  }

  Statement prepare(const char* text) {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v3(database_.get(), text, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    return Statement(statement);
  }
  static void bind(const Statement& statement, int index, std::uint64_t value) {
    sqlite3_bind_int64(statement.get(), index, to_signed(value));
  }
  // The text lives until the statement has run.
  static void bind(const Statement& statement, int index, const std::string& text) {
    sqlite3_bind_text(statement.get(), index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  static bool run(const Statement& statement) {
    const int result = sqlite3_step(statement.get());
    sqlite3_reset(statement.get());
    sqlite3_clear_bindings(statement.get());
    return result == SQLITE_DONE;
  }

  std::unique_ptr<sqlite3, CloseDatabase> database_;
  Statement put_;
  Statement set_held_;
  Statement remove_;
  Statement spend_;
  Statement expire_;
};

std::expected<std::unique_ptr<Journal>, std::string> Journal::open(const std::string& file) {
  auto database = std::make_unique<Database>();
  std::vector<Row> rows;
  std::vector<balancing::SpentTicket> tickets;
  if (!database->open(file) || !database->read_rows(rows) || !database->read_tickets(tickets)) {
    return std::unexpected(fmt::format("placement.file: cannot use {}: {}", file, database->problem()));
  }
  return std::make_unique<Journal>(std::move(database), std::move(rows), std::move(tickets));
}

Journal::Journal(std::unique_ptr<Database> database, std::vector<Row> rows,
                 std::vector<balancing::SpentTicket> tickets)
    : database_(std::move(database)),
      rows_(std::move(rows)),
      tickets_(std::move(tickets)),
      thread_([this](const std::stop_token& stop) { write(stop); }) {}

Journal::~Journal() {
  thread_.request_stop();
  thread_.join();
}

void Journal::submit(std::vector<Change> changes, Done done) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back({.changes = std::move(changes), .done = std::move(done)});
  }
  wake_.notify_one();
}

void Journal::write(const std::stop_token& stop) {
  while (true) {
    std::vector<Submission> batch;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
      batch.swap(waiting_);
    }
    bool stored = database_->execute("BEGIN IMMEDIATE");
    for (const Submission& submission : batch) {
      for (const Change& change : submission.changes) stored = stored && database_->apply(change);
    }
    stored = stored && database_->execute("COMMIT");
    if (!stored) {
      base::log_error("placements and tickets cannot be stored: {}", database_->problem());
      database_->execute("ROLLBACK");
    }
    for (Submission& submission : batch) submission.done(stored);
  }
}

}  // namespace limpet::placement
