#include "net/buffer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace limpet::net {
namespace {

constexpr std::size_t kLimit = 80 * 1024;

void put(ReadBuffer& buffer, std::string_view bytes, std::size_t limit = kLimit) {
  while (!bytes.empty()) {
    const std::span<char> room = buffer.room(limit);
    ASSERT_FALSE(room.empty());
    const std::size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    buffer.filled(count);
    bytes.remove_prefix(count);
  }
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i * 7 % 26);
  return bytes;
}

TEST(ReadBuffer, HoldsNothingAtFirst) {
  BufferPool pool;
  const ReadBuffer buffer(pool);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.view(), "");
}

TEST(ReadBuffer, GivesBackWhatWasPutIn) {
  BufferPool pool;
  ReadBuffer buffer(pool);
  put(buffer, "hello, ");
  put(buffer, "world");
  EXPECT_EQ(buffer.view(), "hello, world");
  buffer.consume(7);
  EXPECT_EQ(buffer.view(), "world");
  buffer.consume(5);
  EXPECT_TRUE(buffer.empty());
}

TEST(ReadBuffer, MovesTheRestToTheFrontWhenItIsFull) {
  BufferPool pool;
  ReadBuffer buffer(pool);
  const std::string bytes = pattern(Block::kSize);
  put(buffer, bytes, Block::kSize);
  EXPECT_TRUE(buffer.room(Block::kSize).empty());
  buffer.consume(Block::kSize - 10);
  EXPECT_EQ(buffer.room(Block::kSize).size(), Block::kSize - 10);
  EXPECT_EQ(buffer.view(), std::string_view(bytes).substr(Block::kSize - 10));
}

TEST(ReadBuffer, GrowsUpToItsLimit) {
  BufferPool pool;
  ReadBuffer buffer(pool);
  const std::string bytes = pattern(kLimit);
  put(buffer, bytes);
  EXPECT_EQ(buffer.view(), bytes);
  EXPECT_TRUE(buffer.room(kLimit).empty());
  buffer.consume(kLimit);
  buffer.shrink();
  EXPECT_EQ(buffer.room(Block::kSize).size(), Block::kSize);
}

TEST(ReadBuffer, ShrinksOnlyWhenItIsEmpty) {
  BufferPool pool;
  ReadBuffer buffer(pool);
  put(buffer, "kept");
  buffer.shrink();
  EXPECT_EQ(buffer.view(), "kept");
}

TEST(BufferPool, LendsABlockAgain) {
  BufferPool pool;
  char* first = nullptr;
  {
    const Block block = pool.take();
    first = block.span().data();
  }
  const Block again = pool.take();
  EXPECT_EQ(again.span().data(), first);
}

TEST(BufferPool, KeepsNoMoreThanItShould) {
  BufferPool pool(1);
  std::vector<Block> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(pool.take());
  blocks.clear();
  const Block kept = pool.take();
  const Block fresh = pool.take();
  EXPECT_NE(kept.span().data(), fresh.span().data());
}

TEST(BufferPool, ABlockThatIsMovedOverGoesBack) {
  BufferPool pool;
  Block one = pool.take();
  Block other = pool.take();
  const char* const first = one.span().data();
  one = std::move(other);
  EXPECT_EQ(pool.take().span().data(), first);
}

RC_GTEST_PROP(ReadBufferProperty, IsAQueueOfBytes, ()) {
  BufferPool pool;
  ReadBuffer buffer(pool);
  std::string model;
  char next = 0;
  const int steps = *rc::gen::inRange(1, 100);
  for (int i = 0; i < steps; ++i) {
    const std::size_t amount = *rc::gen::inRange<std::size_t>(0, 3 * Block::kSize);
    if (*rc::gen::arbitrary<bool>()) {
      const std::span<char> room = buffer.room(kLimit);
      RC_ASSERT(!room.empty() || model.size() >= kLimit);
      const std::size_t count = std::min(amount, room.size());
      for (std::size_t at = 0; at < count; ++at) room[at] = ++next;
      model.append(room.data(), count);
      buffer.filled(count);
    } else {
      const std::size_t count = std::min(amount, model.size());
      buffer.consume(count);
      model.erase(0, count);
      if (*rc::gen::arbitrary<bool>()) buffer.shrink();
    }
    RC_ASSERT(buffer.view() == model);
    RC_ASSERT(buffer.empty() == model.empty());
  }
}

}  // namespace
}  // namespace limpet::net
