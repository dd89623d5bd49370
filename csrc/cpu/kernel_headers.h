// The vector code that every kernel header stands on; see foreach_capability.h. No include guards here or in these
// files: they are compiled once for each processor capability, each standing on those before it.

// clang-format off
#include "cpu/vec.h"
#include "cpu/vec_math.h"
#include "cpu/tile.h"
#include "cpu/lines.h"
#include "cpu/occlusion.h"
#include "cpu/sampling.h"
#include "cpu/corner_copies.h"
#include "cpu/scatter.h"
#include PTUS_KERNEL_HEADER
// clang-format on
