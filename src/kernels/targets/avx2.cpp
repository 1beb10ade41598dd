// Kernels for AVX2 with FMA.
#if defined(__x86_64__)
#define GMMPI_TARGET avx2
#define GMMPI_WIDTH 4
#include "kernels/targets/target.hpp"
#endif
