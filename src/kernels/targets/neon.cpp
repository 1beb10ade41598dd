// Kernels for NEON of aarch64.
#if defined(__aarch64__)
#include <arm_neon.h>
#define GMMPI_TARGET neon
#define GMMPI_INSTRUCTIONS "kernels/simd/neon.hpp"
#include "kernels/targets/target.hpp"
#endif
