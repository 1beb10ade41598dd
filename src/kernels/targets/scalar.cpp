// Kernels without vectors: std::fma, in hardware where the compiler may use it, else slow; same bits.
#define GMMPI_TARGET scalar
#define GMMPI_INSTRUCTIONS "kernels/simd/scalar.hpp"
#include "kernels/targets/target.hpp"
