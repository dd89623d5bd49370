#pragma once

#include <cstdint>

namespace ptus {

// Uninitialised memory, 64-byte aligned, for the duration of a kernel. The last blocks are kept for the next calls (see
// scratch.cpp): on fresh pages a transposed copy costs several times what the copying does.
class Scratch {
 public:
  explicit Scratch(int64_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_;
  int64_t bytes_;
};

}  // namespace ptus
