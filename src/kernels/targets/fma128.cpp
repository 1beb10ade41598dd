// Kernels for 128-bit vectors with FMA.
#if defined(__x86_64__)
#define GMMPI_TARGET fma128
#define GMMPI_WIDTH 2
#include "kernels/targets/target.hpp"
#endif
