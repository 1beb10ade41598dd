// Kernels for AVX-512 (F, DQ, VL, BW).
#if defined(__x86_64__)
#define GMMPI_TARGET avx512
#define GMMPI_WIDTH 8
#include "kernels/targets/target.hpp"
#endif
