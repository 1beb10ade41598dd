// Eigen whose bits do not depend on the machine. To be included in the place of Eigen's own headers.
#pragma once

#ifdef __AVX__
#error "Eigen's sums would depend on the width of vectors: compile with -mno-avx, as CMakeLists.txt does"
#endif

// On x86-64 these are the vectors of SSE2: two doubles, 16 registers, products rounded before they are added.
// NEON has two doubles, too; what else it has Eigen must not use.
#ifdef __aarch64__
#undef __ARM_FEATURE_FMA
#define EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS 16
#define EIGEN_DENSEBASE_PLUGIN "model/eigen_plugin.hpp"
#endif

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>

namespace gmmpi {

/// Eigen chooses blocking by the size of the processor's caches; fixed sizes give the same bits everywhere.
/// To be called before its products and decompositions.
inline void pin_eigen_blocking() {
  [[maybe_unused]] static const bool pinned = [] {
    Eigen::setCpuCacheSizes(32 * 1024, 512 * 1024, 4 * 1024 * 1024);
    return true;
  }();
}

}  // namespace gmmpi
