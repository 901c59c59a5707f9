#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace limpet::net {

class BufferPool;

/// A block of memory lent by a pool; goes back at the end. Move only, one thread.
class Block {
 public:
  static constexpr std::size_t kSize = 16 * 1024;
  using Bytes = std::array<char, kSize>;

  Block() = default;
  Block(Block&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), bytes_(std::move(other.bytes_)) {}
  Block& operator=(Block&& other) noexcept {
    if (this != &other) {
      give_back();
      pool_ = std::exchange(other.pool_, nullptr);
      bytes_ = std::move(other.bytes_);
    }
    return *this;
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { give_back(); }

  [[nodiscard]] std::span<char> span() const noexcept { return *bytes_; }

 private:
  friend class BufferPool;
  Block(BufferPool& pool, std::unique_ptr<Bytes> bytes) noexcept : pool_(&pool), bytes_(std::move(bytes)) {}
  void give_back() noexcept;

  BufferPool* pool_ = nullptr;
  std::unique_ptr<Bytes> bytes_;
};

/// Blocks that a thread's connections borrow only while bytes are under way, so that idle ones hold none.
class BufferPool {
 public:
  explicit BufferPool(std::size_t keep = 256) : keep_(keep) { spare_.reserve(keep); }
  [[nodiscard]] Block take() {
    if (spare_.empty()) return {*this, std::make_unique_for_overwrite<Block::Bytes>()};
    std::unique_ptr<Block::Bytes> bytes = std::move(spare_.back());
    spare_.pop_back();
    return {*this, std::move(bytes)};
  }

 private:
  friend class Block;
  std::size_t keep_;
  std::vector<std::unique_ptr<Block::Bytes>> spare_;
};

inline void Block::give_back() noexcept {
  if (pool_ != nullptr && bytes_ != nullptr && pool_->spare_.size() < pool_->keep_) {
    pool_->spare_.push_back(std::move(bytes_));
  }
  bytes_.reset();
  pool_ = nullptr;
}

/// Bytes read from a connection and not used yet. Holds a block of the pool only while it has bytes or is
/// being filled; grows on the heap, up to a limit, for a head that is larger than a block.
class ReadBuffer {
 public:
  explicit ReadBuffer(BufferPool& pool) noexcept : pool_(&pool) {}

  [[nodiscard]] std::string_view view() const noexcept { return {data() + begin_, end_ - begin_}; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  /// Room to read into; at least one byte unless the buffer already holds `limit` bytes. Moves what is held
  /// to the front if needed, so views taken before are void.
  [[nodiscard]] std::span<char> room(std::size_t limit);
  void filled(std::size_t count) noexcept { end_ += count; }
  void consume(std::size_t count) noexcept { begin_ += count; }
  /// Gives the block back if nothing is held.
  void shrink() noexcept {
    if (!empty()) return;
    begin_ = end_ = 0;
    block_ = Block();
    has_block_ = false;
    large_.clear();
    large_.shrink_to_fit();
  }

 private:
  [[nodiscard]] char* data() const noexcept {
    return large_.empty() ? (has_block_ ? block_.span().data() : nullptr) : const_cast<char*>(large_.data());
  }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return large_.empty() ? (has_block_ ? Block::kSize : 0) : large_.size();
  }

  BufferPool* pool_;
  Block block_;
  bool has_block_ = false;
  std::vector<char> large_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace limpet::net
