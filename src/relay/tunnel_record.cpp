#include "relay/tunnel_record.h"

namespace limpet::relay {

Record& RecordSlab::take() {
  if (free_.empty()) {
    auto& block = *blocks_.emplace_back(std::make_unique<std::array<Record, kRecordsPerBlock>>());
    free_.reserve(blocks_.size() * kRecordsPerBlock);
    for (std::size_t i = kRecordsPerBlock; i > 0; --i) free_.push_back(&block[i - 1]);
  }
  Record& record = *free_.back();
  free_.pop_back();
  ++used_;
  record.used = true;
  return record;
}

void RecordSlab::give_back(Record& record) noexcept {
  record = Record{};
  --used_;
  recycle(record);
}

void RecordSlab::retire(Record& record) noexcept {
  const std::uint8_t operations = record.operations;
  record = Record{};
  record.operations = operations;
  --used_;
}

}  // namespace limpet::relay
