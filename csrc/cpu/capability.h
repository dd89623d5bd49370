#pragma once

#include <string>

// Which vector instructions the CPU kernels use, chosen when the first kernel runs: the best this processor has, or the
// one that PTUS_KERNELS_CPU_CAPABILITY=default|avx2|avx512 names.

// A library to be sanitized has one set of kernels: see foreach_capability.h.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define PTUS_X86_CAPABILITIES 1
#else
#define PTUS_X86_CAPABILITIES 0
#endif

namespace ptus {

enum class Capability { baseline, avx2, avx512 };

Capability cpu_capability();

std::string cpu_capability_name();

}  // namespace ptus

// The given function of the namespace that was compiled for this processor (see foreach_capability.h).
#if PTUS_X86_CAPABILITIES
#define PTUS_FOR_THIS_CPU(...)                                                   \
  (::ptus::cpu_capability() == ::ptus::Capability::avx512 ? &avx512::__VA_ARGS__ \
   : ::ptus::cpu_capability() == ::ptus::Capability::avx2 ? &avx2::__VA_ARGS__   \
                                                          : &baseline::__VA_ARGS__)
#else
#define PTUS_FOR_THIS_CPU(...) (&baseline::__VA_ARGS__)
#endif
