// Kernels for AVX-512 (F, DQ, VL, BW).
#if defined(__x86_64__)
#include <immintrin.h>
#define GMMPI_TARGET avx512
#define GMMPI_INSTRUCTIONS "kernels/simd/avx512.hpp"
#include "kernels/targets/target.hpp"
#endif
