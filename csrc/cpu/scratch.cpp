#include "cpu/scratch.h"

#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#include "host/tensor_view.h"

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

// Takes the smallest block of at least so many bytes, and not of more than twice as many, and sets what it has.
bool take_kept(void*& data, int64_t& bytes) {
  Kept& pool = kept();
  const std::lock_guard<std::mutex> lock(pool.mutex);
  auto best = pool.blocks.end();
  for (auto block = pool.blocks.begin(); block != pool.blocks.end(); ++block) {
    if (block->bytes < bytes || block->bytes > 2 * bytes) continue;
    if (best == pool.blocks.end() || block->bytes < best->bytes) best = block;
  }
  if (best == pool.blocks.end()) return false;
  data = best->data;
  bytes = best->bytes;
  pool.bytes -= bytes;
  pool.blocks.erase(best);
  return true;
}

}  // namespace

Scratch::Scratch(int64_t bytes) : data_(nullptr), bytes_((bytes + 63) / 64 * 64) {
  if (bytes_ == 0 || take_kept(data_, bytes_)) return;
  data_ = std::aligned_alloc(64, bytes_);
  if (data_ == nullptr) throw std::bad_alloc();
  ask_for_huge_pages(data_, bytes_);
}

// The oldest blocks make room for this one.
Scratch::~Scratch() {
  if (bytes_ == 0 || bytes_ > kKeptBytes) {
    std::free(data_);
    return;
  }
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
