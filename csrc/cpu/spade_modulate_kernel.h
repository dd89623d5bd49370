// Loops of spade_modulate. Compiled once for each capability: see foreach_capability.h.

// clang-format off
#include "cpu/spade_lines.h"
#include "cpu/spade_planes.h"
#include "cpu/spade_segments.h"
// clang-format on
