// Kernels for 128-bit vectors of x86-64 with FMA.
#if defined(__x86_64__)
#include <immintrin.h>
#define GMMPI_TARGET fma128
#define GMMPI_INSTRUCTIONS "kernels/simd/fma128.hpp"
#include "kernels/targets/target.hpp"
#endif
