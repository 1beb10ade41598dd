// Precision factors of all components; many large ones are shared between threads and ranks.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "gmmpi/model/mixture.hpp"
#include "kernels/table.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

/// Component k's factor and log determinant (those of the shared covariance for k = 0). False if it is not
/// positive definite.
bool factorise_component(Mixture& m, int k, const KernelTable& kernels) {
  if (!std::ranges::binary_search(m.floored, k) &&
      !m.layout().factorise(m.covariance(k), m.n_features, m.factor(k)))
    return false;
  m.log_det[k] = m.layout().log_det(m.factor(k), m.n_features, kernels);
  return true;
}

void clear_factors(Mixture& m) {
  if (m.floored.empty()) m.precisions_cholesky.assign(m.covariances.size(), 0.0);
  m.log_det.assign(m.n_components, 0.0);
}

constexpr double kLeastToThread = 1e6, kLeastToShare = 3e7;  ///< multiplications

}  // namespace

void complete_factors(Mixture& m, const KernelTable& kernels) {
  for (int k = 0; k < m.n_covariances(); ++k)
    m.log_det[k] = m.layout().log_det(m.factor(k), m.n_features, kernels);
  if (m.is_shared()) std::ranges::fill(m.log_det, m.log_det[0]);
}

std::vector<int> factorise(Mixture& m, const KernelTable& kernels) {
  clear_factors(m);
  std::vector<int> bad;
  for (int k = 0; k < m.n_covariances(); ++k)
    if (!factorise_component(m, k, kernels)) bad.push_back(k);
  if (!m.is_shared()) return bad;
  m.log_det.assign(m.n_components, m.log_det[0]);
  if (bad.empty()) return bad;
  bad.resize(m.n_components);
  std::iota(bad.begin(), bad.end(), 0);
  return bad;
}

std::vector<int> factorise(Mixture& m, const Execution& execution) {
  const Communicator& comm = execution.comm;
  const int K = m.n_covariances();
  const double work = K * m.layout().chart_cost(m.n_features);
  if (K <= 1 || work < kLeastToThread) return factorise(m, *execution.kernels);
  const bool share = comm.size() > 1 && work >= kLeastToShare;
  const int first = share ? comm.rank() : 0, step = share ? comm.size() : 1;
  clear_factors(m);
  std::vector<char> good(K);
  const auto factorise_mine = [&] {
    for_each_index(0, (K - first + step - 1) / step, execution.n_threads, [&](std::int64_t i, int) {
      const int k = first + static_cast<int>(i) * step;
      good[k] = factorise_component(m, k, *execution.kernels);
    });
  };
  if (!share) {
    factorise_mine();
  } else {
    comm.together(factorise_mine);
    std::vector<double> mine;  // per component: good, ln det, factor
    const std::size_t size = m.layout().stride(m.n_features);
    for (int k = first; k < K; k += step) {
      mine.push_back(good[k]);
      mine.push_back(m.log_det[k]);
      mine.insert(mine.end(), m.precisions_cholesky.begin() + k * size,
                  m.precisions_cholesky.begin() + (k + 1) * size);
    }
    const std::vector<double> all = comm.all_gather(std::span<const double>(mine));
    const double* next = all.data();
    for (int rank = 0; rank < comm.size(); ++rank)
      for (int k = rank; k < K; k += step) {
        good[k] = *next++ != 0.0;
        m.log_det[k] = *next++;
        std::copy_n(next, size, m.precisions_cholesky.data() + k * size);
        next += size;
      }
  }
  std::vector<int> bad;
  for (int k = 0; k < K; ++k)
    if (!good[k]) bad.push_back(k);
  return bad;
}

}  // namespace gmmpi
