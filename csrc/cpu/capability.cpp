#include "cpu/capability.h"

#include <torch/headeronly/util/Exception.h>

#include <cstdlib>

namespace ptus {
namespace {

Capability best_of_this_processor() {
#if PTUS_X86_CAPABILITIES
  // The feature sets of x86-64-v4 and x86-64-v3, which are what foreach_capability.h compiles for.
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt") &&
                  __builtin_cpu_supports("movbe");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return v4 ? Capability::avx512 : v3 ? Capability::avx2 : Capability::baseline;
#else
  return Capability::baseline;
#endif
}

const char* name_of(Capability capability) {
  return capability == Capability::avx512 ? "avx512" : capability == Capability::avx2 ? "avx2" : "default";
}

Capability chosen() {
  const Capability best = best_of_this_processor();
  const char* variable = std::getenv("PTUS_KERNELS_CPU_CAPABILITY");
  const std::string wanted = variable == nullptr ? "" : variable;
  if (wanted.empty()) return best;
  for (Capability capability : {Capability::baseline, Capability::avx2, Capability::avx512}) {
    if (wanted != name_of(capability)) continue;
    STD_TORCH_CHECK(capability <= best, "PTUS_KERNELS_CPU_CAPABILITY=", wanted,
                    ": this processor, or this build, has no more than ", name_of(best));
    return capability;
  }
  STD_TORCH_CHECK(false, "PTUS_KERNELS_CPU_CAPABILITY: expected default, avx2 or avx512, got ", wanted);
}

}  // namespace

Capability cpu_capability() {
  static const Capability capability = chosen();
  return capability;
}

std::string cpu_capability_name() { return name_of(cpu_capability()); }

}  // namespace ptus
