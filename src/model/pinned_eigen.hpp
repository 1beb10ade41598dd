// Eigen whose bits do not depend on the machine.
#pragma once

#ifdef __AVX__
#error "Eigen's sums would depend on the width of vectors: compile with -mno-avx, as CMakeLists.txt does"
#endif

#include <Eigen/Core>

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
