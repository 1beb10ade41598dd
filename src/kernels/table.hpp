// The kernels as a table of functions: one table per instruction set, the same bits from each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gmmpi {

/// Rows per tile; every tile array below has this many rows, padded with rows of weight 0.
inline constexpr int kTile = 64;
/// Columns of row-major tile arrays are padded with zeros to a multiple of this.
inline constexpr int kPad = 8;
/// Virtual lanes of the sums over rows, on every target.
inline constexpr int kRowLanes = 8;
/// Output columns of the triangular product that are computed together; factors are packed for it.
inline constexpr int kFactorColumns = 4;
/// Up to this many columns, sums over rows run in 8 virtual row lanes; above, in lanes of columns.
inline constexpr int kSmallColumns = 4;
/// Sums over every kPhases-th row that the diagonal kernels of the M-step keep apart.
inline constexpr int kPhases = 2;
/// Rows that a kernel of the M-step takes at a time, at most.
inline constexpr int kGathered = 2 * kTile;
/// Rows of scratch such a kernel needs: two copies of those rows.
inline constexpr int kScatterScratch = 2 * kGathered;
/// Responsibilities below 2^-64 of the row's largest count as zero (see docs/maths.md): ln 2^-64.
inline constexpr double kLeastLogShare = -44.3614195558364998;
inline constexpr double kEveryLogShare = -1e300;  ///< none does

constexpr int padded(int d) {
  return (d + kPad - 1) / kPad * kPad;
}
/// Doubles of one packed triangular factor (see pack_factor).
constexpr std::int64_t packed_factor_size(int d) {
  std::int64_t size = 0;
  for (int j = 0; j < d; j += kFactorColumns)
    size += std::int64_t{kFactorColumns} * (j + kFactorColumns < d ? j + kFactorColumns : d);
  return size;
}

/// One component's part of the accumulation over one tile, for up to kSmallColumns columns.
struct TileTask {
  int d;
  const double* xt;      ///< d x kTile
  const double* gamma;   ///< kTile: responsibility times sample weight
  const double* center;  ///< d: moments are taken about it
  double* s1;            ///< sums of gamma (x - center), layout of scatter.hpp
  double* s2;            ///< sums of gamma (x - center)(x - center)^T, layout of scatter.hpp
};

/// The same over rows gathered from several tiles, for more columns.
struct RowsTask {
  int d;
  int n_rows;              ///< a multiple of kPhases, at most kGathered
  const double* const* x;  ///< n_rows pointers to padded(d) values
  const double* gamma;     ///< n_rows
  const double* center;    ///< padded(d)
  double* s1;
  double* s2;
  double* scratch;  ///< kScatterScratch x (padded(d) + kPad)
};

/// What rows that lack columns are expected to be, by a regression on those that they have.
struct RegressionTask {
  int n_observed, n_missing;
  const int *observed, *missing;  ///< columns
  const double* center;           ///< n_observed
  const double* shifts;           ///< padded(n_missing): what is expected at the centre
  const double* slopes;           ///< n_observed x padded(n_missing), padded with zeros; null: all are zero
};

/// How errors of rows are given.
enum class ErrorShape { variances, covariances };

/// Rows of one tile of which not all is known: entries are missing, or were measured with errors.
/// xt: d x kTile; where missing, any finite number of the size of the others. mask: d x kTile, 1 where
/// observed, 0 where missing; null: all observed. errors: variances, d x kTile, or covariances, d(d+1)/2 x
/// kTile, the lower triangle row by row ((0,0), (1,0), (1,1), (2,0), ...); finite, also where missing; null:
/// none. The first n_rows of the kTile are meant; the others must hold numbers like theirs.
struct ObservedRows {
  int d;
  int n_rows;
  const double* xt;
  const double* mask;
  const double* errors;
  ErrorShape shape = ErrorShape::variances;
};

/// Doubles of scratch that the kernels of such rows need, on every target; aligned to 64 bytes.
constexpr std::int64_t observed_scratch(int d) {
  return std::int64_t{kRowLanes} * ((2 * d + 6) * (d | 1) + d * (d + 1) / 2 + d + kTile / kRowLanes * d);
}

/// What add_completions adds to, in 8 virtual lanes for each entry: row r to lane r % 8.
struct CompletionSums {
  const double* gamma;   ///< kTile: responsibility times sample weight; 0 from n_rows on
  const double* center;  ///< d: moments are taken about it
  double* s1;            ///< d x 8
  double* s2;            ///< d(d+1)/2 x 8, the upper triangle row by row; diagonal: d x 8; null: s1 only
  bool diagonal;
};

/// Columns that a row may lack to be one of few gaps.
inline constexpr int kMostGaps = 16;

/// Rows of one tile that lack few columns, and a component.
struct FewGapsTask {
  int d, n_rows;            ///< rows from there to kTile must hold numbers
  const double* xt;         ///< d x kTile; anything where missing
  const int* n_missing;     ///< kTile: columns that a row lacks, kMostGaps at most; 0 from n_rows on
  const int* missing;       ///< kMostGaps x kTile: these columns, in ascending order, then d + a in place a
  const double* mean;       ///< d
  const double* precision;  ///< stride() x stride(): P, beside it an identity
  const double* factor;     ///< that of P, packed

  int stride() const { return d + kMostGaps; }
};

/// Doubles of scratch that their kernels need, on every target; aligned to 64 bytes.
constexpr std::int64_t few_gaps_scratch(int d) {
  return std::int64_t{kTile} * (d + kMostGaps) + kRowLanes * kMostGaps * (kMostGaps + 1) / 2;
}

struct KernelTable {
  const char* name;  ///< avx512, avx2, fma128, neon or scalar

  /// out[k][row] = sum_j (x_j - center_kj)^2. `centers` K x d, `out` K x kTile.
  void (*squared_distances)(int d, int n_centers, const double* xt, const double* centers, double* out);
  /// out[k][row] = sum_j ((x_j - mean_kj) scale_kj)^2 over the first d columns. `means`, `scales` K x stride.
  void (*mahalanobis_diagonal)(int d, int stride, int n_components, const double* xt, const double* means,
                               const double* scales, double* out);
  /// out[row] = |U^T (x - mean)|^2 for one component; `factor` packed, `scratch` d x kTile.
  void (*mahalanobis_dense)(int d, const double* xt, const double* mean, const double* factor,
                            double* scratch, double* out);
  /// Adds x_j of_one_j + (1 - x_j) of_zero_j for columns [from, d) to `out` of n_rows rows (up to the next
  /// multiple of 32 is touched): for a Bernoulli component of_one = -2 ln mu, of_zero = -2 ln(1 - mu).
  void (*bernoulli_distances)(int from, int d, int n_rows, const double* xt, const double* of_one,
                              const double* of_zero, double* out);

  // Partial distances (src/model/pruned_density.cpp).
  /// xt[j][r] = rows[r][j] for up to kTile rows.
  void (*transpose_rows)(int d, const double* const* rows, int n_rows, double* xt);
  /// guess[row] = the component of largest constant_k - scale q/2, for K x kTile (partial) distances q.
  void (*likeliest)(int n_components, double scale, const double* constants, const double* distances,
                    double* guess);
  /// For component k's (partial) distances of a tile, in place: 1e300 where even they put the log joint more
  /// than -least_log_share below `top`. Lists and counts the others, but for those with guess k.
  int (*rows_in_reach)(int k, double constant, double least_log_share, const double* top, const double* guess,
                       double* distances, int* rows);
  /// Adds columns [from, d) to the distances in `out` of n_rows rows (up to the next multiple of 32 is
  /// touched).
  void (*mahalanobis_diagonal_rest)(int from, int d, int n_rows, const double* xt, const double* mean,
                                    const double* scale, double* out);
  /// The same; `factor` is packed and begins at column `from`, a multiple of kFactorColumns.
  void (*mahalanobis_dense_rest)(int from, int d, int n_rows, const double* xt, const double* mean,
                                 const double* factor, double* scratch, double* out);

  /// In place, for K x kTile squared Mahalanobis distances: log joint = constant_k - q/2 with q capped at
  /// 1e300 (so that nothing is ever NaN).
  void (*log_joint)(int n_components, const double* constants, double* values);
  /// The same for Student's t: constant_k - (dof_k + d)/2 ln(1 + q/dof_k), or -0.5e300 from q = 1e300 on;
  /// dof >= 1e-3.
  void (*student_log_joint)(int n_components, int d, const double* constants, const double* dof,
                            double* values);
  /// For one component and kTile rows: gamma becomes gamma u, with u = (dof + d)/(dof + q); excess = gamma
  /// (ln u - u + 1), which is never positive. Digits remain where u is near 1.
  void (*student_weights)(int d, double dof, const double* distances, double* gamma, double* excess);
  /// In place: log joint to weight_row * responsibility; log_density[row] = ln sum_k exp(log joint). Where
  /// the log joint lies more than -least_log_share below the row's largest, the responsibility is exactly 0.
  void (*responsibilities)(int n_components, const double* row_weights, double least_log_share,
                           double* values, double* log_density);

  /// In place, for K x kTile distances: weight_row for the nearest component (the lowest on a tie), else 0;
  /// smallest[row] = the distance to it.
  void (*assign_nearest)(int n_components, const double* row_weights, double* values, double* smallest);

  /// For each row the number of the nearest of K centres by `squared_distances` (the lowest on a tie; a whole
  /// number), the squared distance to it, and by how much nearer it is, at the least, than any other:
  /// negative where that is not certain, infinite if K is 1. kTile each.
  void (*nearest_with_gap)(int d, int n_centers, const double* xt, const double* centers, double* nearest,
                           double* least, double* gap);

  // Incomplete and noisy rows (docs/maths/incomplete.md). S (d x d, both triangles, positive definite) is the
  // component's covariance, E the row's errors, T = S + E that of what is observed. A singular S gives
  // meaningless numbers, but numbers.
  /// q[row] = (x - mean)^T T^-1 (x - mean), log_det[row] = ln det T; both 0 where nothing is observed. kTile
  /// each; those from n_rows on are undefined.
  void (*observed_density)(const ObservedRows& rows, const double* mean, const double* covariance,
                           double* scratch, double* q, double* log_det);
  /// With b the mean and B the covariance of the true row, given what is observed: adds gamma (b - c) to s1
  /// and gamma ((b - c)(b - c)^T + B) to s2.
  void (*add_completions)(const ObservedRows& rows, const double* mean, const double* covariance,
                          double* scratch, const CompletionSums& sums);
  /// b (d x kTile) and B (d(d+1)/2 x kTile, the lower triangle row by row; null: not wanted); undefined from
  /// n_rows on.
  void (*completions)(const ObservedRows& rows, const double* mean, const double* covariance, double* scratch,
                      double* means, double* covariances);

  // Rows that lack few columns m, by the precision P = S^-1 of well-conditioned components: less work.
  /// q[row] as observed_density; log_det[row] = ln det P_mm, by which ln det T is more than ln det S.
  void (*few_gaps_density)(const FewGapsTask& task, double* scratch, double* q, double* log_det);
  /// As add_completions.
  void (*add_few_gaps)(const FewGapsTask& task, double* scratch, const CompletionSums& sums);

  /// Sums of gamma over the 64 rows into 8 virtual lanes: lanes[r % 8] += gamma[r].
  void (*sum_rows)(const double* gamma, double* lanes);
  /// Whether none of the 64 is 0.
  bool (*all_count)(const double* gamma);
  /// Row r of out (n_rows x stride) gets x[r] (n_observed) - center in its observed columns, and shifts +
  /// slopes^T (x[r] - center) in the missing ones.
  void (*regress_rows)(const RegressionTask& task, int n_rows, const double* const* x, int stride,
                       double* out);
  /// Appends the rows of a tile (x: kTile x padded(d)) whose gamma is not 0; returns their number.
  int (*gather_rows)(int d, const double* x, const double* gamma, const double** rows, double* gammas);
  void (*accumulate_first)(const RowsTask& task);     ///< s1 only
  void (*accumulate_diagonal)(const RowsTask& task);  ///< s1, and s2 for each column
  void (*accumulate_full)(const RowsTask& task);      ///< s1, and s2 for each pair of columns
  void (*small_first)(const TileTask& task);          ///< the same for few columns
  void (*small_diagonal)(const TileTask& task);
  void (*small_full)(const TileTask& task);

  void (*log)(std::int64_t n, const double* x, double* out);  ///< of positive normal numbers
  void (*exp)(std::int64_t n, const double* x, double* out);
};

/// The best table this processor runs; a name asks for that one.
/// Throws Error 64 for a name that is unknown or that this processor cannot run.
const KernelTable& select_kernels(const std::string& name = "auto");
/// Names of the tables that this processor runs, best first.
std::vector<std::string> available_kernels();

}  // namespace gmmpi
