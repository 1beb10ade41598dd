// GapLists, FewGaps: columns in order, precisions with room beside them.
#include "model/few_gaps.hpp"

#include <algorithm>
#include <cmath>

#include "model/layouts/matrix_algebra.hpp"

namespace gmmpi {

namespace {

/// Mean of the variance inflation factors S_jj P_jj = 1 / (1 - R_j^2): their sum, at least the inverse of the
/// least eigenvalue of the correlations, is what digits may be lost by.
constexpr double kMostInflation = 256.0;

}  // namespace

GapLists::GapLists(int d)
    : d_(d), n_missing_(kTile, kMostGaps), missing_(std::size_t{kMostGaps + 1} * kTile) {
  for (int r = 0; r < kTile; ++r) set_complete(r);
}

void GapLists::set_complete(int r) {
  end(r, 0);
}

void GapLists::set(int r, const double* x, int step) {
  int n = 0;
  for (int j = 0; j < d_; ++j) {  // no branch, which none could foretell
    missing_[kTile * n + r] = j;
    n += std::isnan(x[std::ptrdiff_t{j} * step]) && n < kMostGaps;
  }
  end(r, n);
}

/// n columns are in their places: behind them comes what may be there of the row before.
void GapLists::end(int r, int n) {
  for (int a = n; a < std::max(n_missing_[r], std::min(n + 1, kMostGaps)); ++a)
    missing_[a * kTile + r] = d_ + a;
  n_missing_[r] = n;
}

FewGaps::FewGaps(const Mixture& m)
    : d_(m.n_features),
      stride_(d_ + kMostGaps),
      factor_size_(packed_factor_size(d_)),
      means_(m.means.begin(), m.means.end()),
      precisions_(m.n_components * stride_ * stride_),
      factors_(m.n_components * factor_size_) {
  const std::size_t d = d_;
  std::vector<double> factor(d * d);
  for (int k = 0; k < m.n_components; ++k) {
    m.layout().factor_to_full(m.factor(k), d_, factor.data());
    pack_factor(factor.data(), d_, factors_.data() + k * factor_size_);
    log_det_.push_back(-2.0 * m.log_det[k]);
    double* p = precisions_.data() + k * stride_ * stride_;
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = 0.0;
        for (std::size_t l = i; l < d; ++l) sum += factor[i * d + l] * factor[j * d + l];
        p[i * stride_ + j] = p[j * stride_ + i] = sum;
      }
    for (std::int64_t i = d_; i < stride_; ++i) p[i * stride_ + i] = 1.0;
    const std::vector<double> variance = m.layout().diagonal(m.covariance(k), d_);
    double inflation = 0.0;
    for (std::size_t j = 0; j < d; ++j) inflation += variance[j] * p[j * (stride_ + 1)];
    takes_.push_back(inflation <= kMostInflation * d_);
  }
}

FewGapsTask FewGaps::task(int k, int n_rows, const double* xt, const GapLists& gaps) const {
  return {d_,
          n_rows,
          xt,
          gaps.n_missing(),
          gaps.missing(),
          means_.data() + std::int64_t{k} * d_,
          precisions_.data() + k * stride_ * stride_,
          factors_.data() + k * factor_size_};
}

}  // namespace gmmpi
