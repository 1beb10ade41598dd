// Principal components: exact moments, then an eigendecomposition.
#include "gmmpi/inference/principal_components.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/summary.hpp"
#include "em/assignments.hpp"
#include "em/data_moments.hpp"
#include "gmmpi/error.hpp"
#include "model/pinned_eigen.hpp"
#include "model/symmetric.hpp"

namespace gmmpi {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Collective. The covariance about `mean`, which is the mean to rounding; what is left of that is taken
/// away.
Matrix covariance_about(const Execution& execution, const Data& data, const std::vector<double>& mean) {
  const int d = data.n_columns();
  const Moments m = sweep(execution, data, AllRows(), mean, unconstrained(matrices()).scatter_shape());
  Matrix covariance(d, d);
  for (int i = 0; i < d; ++i)
    for (int j = i; j < d; ++j) {
      const double shift = m.first(0)[i] / m.counts()[0] * (m.first(0)[j] / m.counts()[0]);
      covariance(i, j) = covariance(j, i) = m.second(0)[packed_index(d, i, j)] / m.counts()[0] - shift;
    }
  return covariance;
}

}  // namespace

int PrincipalComponents::rank() const {
  const double least =
      variance[0] * static_cast<double>(variance.size()) * std::numeric_limits<double>::epsilon();
  return static_cast<int>(std::ranges::count_if(variance, [&](double v) { return v > least; }));
}

int PrincipalComponents::n_for_share(double share) const {
  const int most = std::max(rank(), 1);
  double sum = 0.0;
  for (int n = 0; n < most; ++n)
    if ((sum += variance[n]) >= share * total_variance) return n + 1;
  return most;
}

Transform PrincipalComponents::transform(int n, bool whiten) const {
  const std::size_t d = mean.size();
  if (n < 1 || static_cast<std::size_t>(n) > d)
    throw Error(ExitCode::usage, "there are " + std::to_string(d) + " principal components, not " +
                                     std::to_string(n) + "; choose 1 to " + std::to_string(d));
  if (rank() == 0)
    throw Error(ExitCode::bad_data, "all columns are constant; principal components need data that vary");
  if (whiten && n > rank())
    throw Error(ExitCode::bad_data, "`whiten`: only " + std::to_string(rank()) +
                                        " principal components have any variance; choose at most so many");
  Transform t{mean, {components.begin(), components.begin() + static_cast<std::ptrdiff_t>(n * d)}, {}};
  for (int i = 0; i < n; ++i) t.scale.push_back(whiten ? std::sqrt(variance[i]) : 1.0);
  return t;
}

PrincipalComponents principal_components(const Execution& execution, const Data& data) {
  require_squares(data.summary(), "the data");
  const int d = data.n_columns();
  PrincipalComponents p;
  p.mean = data_moments(execution, data).mean;
  const Matrix covariance = covariance_about(execution, data, p.mean);
  pin_eigen_blocking();
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(covariance);
  if (solver.info() != Eigen::Success)
    throw Error(ExitCode::numerical,
                "the eigenvalues of the covariance cannot be found; check the data for extreme values");
  for (int i = d - 1; i >= 0; --i) {
    Eigen::VectorXd v = solver.eigenvectors().col(i);
    Eigen::Index largest = 0;
    for (Eigen::Index j = 1; j < d; ++j)
      if (std::abs(v[j]) > std::abs(v[largest])) largest = j;
    if (v[largest] < 0.0) v = -v;
    p.components.insert(p.components.end(), v.data(), v.data() + d);
    p.variance.push_back(std::max(solver.eigenvalues()[i], 0.0));
    p.total_variance += p.variance.back();
  }
  return p;
}

std::int64_t principal_components_bytes(const Execution& execution, Index n_rows, int n_columns) {
  const MomentLayout layout{1, n_columns, unconstrained(matrices()).scatter_shape()};
  // Threads' sums; the message, covariance, eigenvectors and the solver's copies.
  return execution.n_threads * sweep_bytes_per_thread(layout, BlockGrid(n_rows).block_rows()) +
         24 * 8 * layout.size();
}

Transform standardising(const Execution& execution, const Data& data) {
  require_values(data.summary(), "the data");
  require_squares(data.summary(), "the data");
  const DataMoments moments = data_moments(execution, data);
  Transform t{moments.mean, {}, {}};
  for (const double variance : moments.variance)
    t.scale.push_back(variance > 0.0 ? std::sqrt(variance) : 1.0);
  return t;
}

}  // namespace gmmpi
