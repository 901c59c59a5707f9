#include "relay/tunnel_record.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>

namespace limpet::relay {
namespace {

// What an open tunnel costs beside its two sockets; README and docs say so.
static_assert(sizeof(Record) <= 136);
static_assert(sizeof(FrameScanner) == 16);

TEST(RecordSlab, GivesOutRecordsThatStayWhereTheyAre) {
  RecordSlab slab;
  std::set<Record*> records;
  for (int i = 0; i < 2000; ++i) {
    Record& record = slab.take();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&record) % 8, 0U);
    EXPECT_TRUE(record.used);
    records.insert(&record);
  }
  EXPECT_EQ(records.size(), 2000U);
  EXPECT_EQ(slab.used(), 2000U);
  std::set<Record*> visited;
  slab.for_each([&](Record& record) { visited.insert(&record); });
  EXPECT_EQ(visited, records);
}

TEST(RecordSlab, UsesFreedRecordsAgainAsIfTheyWereNew) {
  RecordSlab slab;
  Record& record = slab.take();
  record.close_code = 1001;
  record.flows[kFromClient].bytes = 5;
  record.flows[kFromServer].pending = std::make_unique<Pending>();
  slab.give_back(record);
  EXPECT_EQ(slab.used(), 0U);
  Record& again = slab.take();
  EXPECT_EQ(&again, &record);
  EXPECT_EQ(again.close_code, 0U);
  EXPECT_EQ(again.flows[kFromClient].bytes, 0U);
  EXPECT_EQ(again.flows[kFromServer].pending, nullptr);
}

TEST(RecordSlab, RecordsMayBeGivenBackDuringTheVisit) {
  RecordSlab slab;
  for (int i = 0; i < 600; ++i) EXPECT_TRUE(slab.take().used);
  int visited = 0;
  slab.for_each([&](Record& record) {
    if (++visited % 2 == 0) slab.give_back(record);
  });
  EXPECT_EQ(visited, 600);
  EXPECT_EQ(slab.used(), 300U);
}

}  // namespace
}  // namespace limpet::relay
