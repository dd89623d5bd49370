#include <pybind11/pybind11.h>

#include <cstdint>

#include "cpu/capability.h"

// What the compiled libraries were built with, for ptus_kernels.info().

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

pybind11::dict build() {
  using namespace pybind11::literals;
  pybind11::list capabilities;
  capabilities.append("default");
  if (PTUS_X86_CAPABILITIES) {
    capabilities.append("avx2");
    capabilities.append("avx512");
  }
  const uint64_t target = TORCH_TARGET_VERSION;
  return pybind11::dict("compiler"_a = __VERSION__, "flags"_a = PTUS_COMPILE_FLAGS,
                        "torch_target"_a = std::to_string(target >> 56) + "." + std::to_string(target >> 48 & 0xff),
                        "cpu_capabilities"_a = capabilities, "sanitized"_a = kSanitized);
}

}  // namespace

PYBIND11_MODULE(_info, m) {
  m.doc() = "Build facts of ptus_kernels.";
  m.def("build", &build, "Compiler, flags, least torch version and the CPU capabilities compiled for.");
}
