#pragma once

// Functions of csrc/common run on the host and on the device, and must vanish into the loop that calls them: only then
// does the CPU's vectoriser see them with the processor capability of the caller.
#if defined(__CUDACC__)
#define PTUS_INLINE __host__ __device__ __forceinline__
#else
#define PTUS_INLINE inline __attribute__((always_inline))
#endif
