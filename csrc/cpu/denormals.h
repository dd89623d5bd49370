#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace ptus {

// While it lives, this thread treats numbers below the least normal one as 0. The tails of Gaussians are such numbers,
// and some processors take a hundred times as long over them.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }  // flush results, and read inputs as 0
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#else
  FlushDenormals() {}
#endif

  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

}  // namespace ptus
