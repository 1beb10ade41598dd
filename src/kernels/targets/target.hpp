// The kernels of one target. Each file in this folder sets GMMPI_TARGET (a namespace and a name) and
// GMMPI_INSTRUCTIONS (the header of its instruction set, see simd.hpp), includes the intrinsics that this one
// uses, and is compiled for it (CMakeLists.txt). Only headers without inline functions of their own may be
// included here.
#include <cstdint>

#include "kernels/table.hpp"

namespace gmmpi {
namespace GMMPI_TARGET {
namespace {
#include "kernels/simd.hpp"
// (the order matters: all use simd.hpp, partial.hpp uses densities.hpp)
#include "kernels/densities.hpp"
#include "kernels/elimination.hpp"
#include "kernels/nearest.hpp"
#include "kernels/partial.hpp"
#include "kernels/scatters.hpp"
#include "kernels/student.hpp"
// (these use elimination.hpp, few_gaps.hpp both others)
#include "kernels/completions.hpp"
#include "kernels/observed.hpp"
#include "kernels/few_gaps.hpp"

void log_array(std::int64_t n, const double* x, double* out) {
  double buffer[kWidth];
  for (std::int64_t i = 0; i < n; i += kWidth) {
    for (int l = 0; l < kWidth; ++l) buffer[l] = i + l < n ? x[i + l] : 1.0;
    store(buffer, log(load(buffer)));
    for (int l = 0; l < kWidth && i + l < n; ++l) out[i + l] = buffer[l];
  }
}

void exp_array(std::int64_t n, const double* x, double* out) {
  double buffer[kWidth];
  for (std::int64_t i = 0; i < n; i += kWidth) {
    for (int l = 0; l < kWidth; ++l) buffer[l] = i + l < n ? x[i + l] : 0.0;
    store(buffer, exp(load(buffer)));
    for (int l = 0; l < kWidth && i + l < n; ++l) out[i + l] = buffer[l];
  }
}
}  // namespace

#define GMMPI_NAME_(x) #x
#define GMMPI_NAME(x) GMMPI_NAME_(x)
extern const KernelTable table;
const KernelTable table = {
    GMMPI_NAME(GMMPI_TARGET),
    squared_distances,
    mahalanobis_diagonal,
    mahalanobis_dense,
    bernoulli_distances,
    transpose_rows,
    likeliest,
    rows_in_reach,
    mahalanobis_diagonal_rest,
    mahalanobis_dense_rest,
    log_joint,
    student_log_joint,
    student_weights,
    responsibilities,
    assign_nearest,
    nearest_with_gap,
    observed_density,
    add_completions,
    completions,
    few_gaps_density,
    add_few_gaps,
    sum_rows,
    all_count,
    regress_rows,
    gather_rows,
    accumulate_first,
    accumulate_diagonal,
    accumulate_full,
    small_columns<Moments::first>,
    small_columns<Moments::diagonal>,
    small_columns<Moments::full>,
    log_array,
    exp_array,
};

}  // namespace GMMPI_TARGET
}  // namespace gmmpi
