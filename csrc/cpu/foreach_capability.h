// Compiles the header named by PTUS_KERNEL_HEADER once for each processor capability, in a namespace of its own
// (ptus::baseline, ptus::avx2, ptus::avx512), together with the vector code it stands on. No include guard: an op's
// source file includes this once, and chooses among the results with PTUS_FOR_THIS_CPU.
//
// Everything a kernel header needs from outside is included here first, so that only our own code is compiled for a
// processor which the host may not have.

#include <torch/headeronly/util/BFloat16.h>
#include <torch/headeronly/util/Half.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "common/blending.h"
#include "common/coordinates.h"
#include "common/resize.h"
#include "cpu/blend_gradients.h"
#include "cpu/capability.h"
#include "cpu/occlusion_map.h"
#include "cpu/scratch.h"
#include "cpu/slab.h"
#include "cpu/warp.h"
#include "host/tensor_view.h"

#define PTUS_CAPABILITY baseline
#if defined(__SANITIZE_ADDRESS__)
// The widest vectors, made of narrower ones by the compiler: what goes wrong at the ends of rows goes wrong with these.
#define PTUS_VECTOR_BYTES 64
#else
#define PTUS_VECTOR_BYTES 16
#endif
#include "cpu/kernel_headers.h"
#undef PTUS_CAPABILITY
#undef PTUS_VECTOR_BYTES

#if PTUS_X86_CAPABILITIES

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define PTUS_CAPABILITY avx2
#define PTUS_VECTOR_BYTES 32
#include "cpu/kernel_headers.h"
#undef PTUS_CAPABILITY
#undef PTUS_VECTOR_BYTES
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#define PTUS_CAPABILITY avx512
#define PTUS_VECTOR_BYTES 64
#include "cpu/kernel_headers.h"
#undef PTUS_CAPABILITY
#undef PTUS_VECTOR_BYTES
#pragma GCC pop_options

#endif
