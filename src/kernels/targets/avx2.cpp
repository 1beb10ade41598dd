// Kernels for AVX2 with FMA.
#if defined(__x86_64__)
#include <immintrin.h>
#define GMMPI_TARGET avx2
#define GMMPI_INSTRUCTIONS "kernels/simd/avx2.hpp"
#include "kernels/targets/target.hpp"
#endif
