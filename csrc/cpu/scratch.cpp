#include "cpu/scratch.h"

#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#include "cpu/tensor_view.h"

namespace ptus {
namespace {

// Blocks that are kept between calls hold at most this much together.
constexpr int64_t kKeptBytes = int64_t{64} << 20;

struct Block {
  void* data;
  int64_t bytes;
};

struct Kept {
  std::mutex mutex;
  std::vector<Block> blocks;
  int64_t bytes = 0;
};

Kept& kept() {
  static Kept* const blocks = new Kept;  // never destroyed: kernels may run while the process ends
  return *blocks;
}

}  // namespace

Scratch::Scratch(int64_t bytes) : data_(nullptr), bytes_((bytes + 63) / 64 * 64) {
  {
    Kept& pool = kept();
    const std::lock_guard<std::mutex> lock(pool.mutex);
    for (size_t i = 0; i < pool.blocks.size(); ++i) {
      if (pool.blocks[i].bytes != bytes_) continue;
      data_ = pool.blocks[i].data;
      pool.bytes -= bytes_;
      pool.blocks.erase(pool.blocks.begin() + static_cast<std::ptrdiff_t>(i));
      return;
    }
  }
  data_ = std::aligned_alloc(64, bytes_);
  if (data_ == nullptr && bytes_ > 0) throw std::bad_alloc();
  ask_for_huge_pages(data_, bytes_);
}

// The oldest blocks make room for this one.
Scratch::~Scratch() {
  Kept& pool = kept();
  const std::lock_guard<std::mutex> lock(pool.mutex);
  pool.blocks.push_back({data_, bytes_});
  pool.bytes += bytes_;
  while (pool.bytes > kKeptBytes) {
    std::free(pool.blocks.front().data);
    pool.bytes -= pool.blocks.front().bytes;
    pool.blocks.erase(pool.blocks.begin());
  }
}

}  // namespace ptus
