#include "net/buffer.h"

#include <algorithm>
#include <cstring>

namespace limpet::net {

std::span<char> ReadBuffer::room(std::size_t limit) {
  if (capacity() == 0) {
    block_ = pool_->take();
    has_block_ = true;
  }
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == capacity() && begin_ > 0) {
    std::memmove(data(), data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == capacity() && capacity() < limit) {
    std::vector<char> larger(std::min(limit, capacity() * 2));
    std::memcpy(larger.data(), data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    large_ = std::move(larger);
    block_ = Block();
    has_block_ = false;
  }
  return {data() + end_, capacity() - end_};
}

}  // namespace limpet::net
