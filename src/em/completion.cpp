// Completion: regression of the missing columns on the observed ones, in sums.
#include "em/completion.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"

namespace gmmpi {

Completion::Completion(const MomentLayout& all, const Pattern& pattern)
    : all_(all),
      pattern_(pattern),
      n_o_(pattern.observed.size()),
      n_m_(pattern.missing.size()),
      part_{all.K, static_cast<int>(n_o_), all.shape, all.n_own},
      cross_(n_m_ * n_o_),
      own_(n_m_ * n_m_),
      predicted_(n_m_) {}

void Completion::add_first(double W, const double* e, const double* slopes, const double* s1, double* first) {
  for (std::size_t a = 0; a < n_o_; ++a) first[pattern_.observed[a]] += s1[a];
  for (std::size_t b = 0; b < n_m_; ++b) {
    predicted_[b] = 0.0;
    for (std::size_t a = 0; a < n_o_ && slopes; ++a) predicted_[b] += slopes[b * n_o_ + a] * s1[a];
    first[pattern_.missing[b]] += W * e[b] + predicted_[b];
  }
  for (std::size_t b = 0; b < n_m_ && all_.has_second(); ++b) {
    for (std::size_t a = 0; a < n_o_; ++a) cross_[b * n_o_ + a] += e[b] * s1[a];
    for (std::size_t c = b; c < n_m_; ++c)
      own_[b * n_m_ + c] += W * e[b] * e[c] + e[b] * predicted_[c] + predicted_[b] * e[c];
  }
}

void Completion::add_covariance(double N, const double* covariance, bool is_diagonal) {
  for (std::size_t b = 0; b < n_m_; ++b)
    for (std::size_t c = b; c < (is_diagonal ? b + 1 : n_m_); ++c)
      own_[b * n_m_ + c] += N * covariance[is_diagonal ? b : b * n_m_ + c];
}

/// B S2_oo and B S2_oo B^T.
void Completion::regress(const double* s2, const double* slopes) {
  GMMPI_EXPECT(!all_.is_diagonal());
  full_.resize(n_o_ * n_o_);
  for (std::size_t a = 0; a < n_o_; ++a)
    for (std::size_t b = a; b < n_o_; ++b) full_[a * n_o_ + b] = full_[b * n_o_ + a] = *s2++;
  for (std::size_t b = 0; b < n_m_; ++b) {
    row_.assign(n_o_, 0.0);
    for (std::size_t c = 0; c < n_o_; ++c)
      for (std::size_t a = 0; a < n_o_; ++a) row_[a] += slopes[b * n_o_ + c] * full_[c * n_o_ + a];
    for (std::size_t a = 0; a < n_o_; ++a) cross_[b * n_o_ + a] += row_[a];
    for (std::size_t c = b; c < n_m_; ++c)
      for (std::size_t a = 0; a < n_o_; ++a) own_[b * n_m_ + c] += row_[a] * slopes[c * n_o_ + a];
  }
}

void Completion::finish(int k, const double* slopes, const double* s2, double* second) {
  if (!all_.has_second()) return;
  const bool diagonal = all_.is_diagonal();
  if (slopes) regress(s2, slopes);
  for (std::size_t a = 0; a < n_o_; ++a)
    for (std::size_t b = a; b < (diagonal ? a + 1 : n_o_); ++b)
      second[all_.entry(k, pattern_.observed[a], pattern_.observed[b])] += *s2++;
  for (std::size_t b = 0; b < n_m_; ++b) {
    const int i = pattern_.missing[b];
    for (std::size_t c = b; c < (diagonal ? b + 1 : n_m_); ++c)
      second[all_.entry(k, i, pattern_.missing[c])] += own_[b * n_m_ + c];
    for (std::size_t a = 0; a < n_o_ && !diagonal; ++a) {
      const int j = pattern_.observed[a];
      second[all_.entry(k, std::min(i, j), std::max(i, j))] += cross_[b * n_o_ + a];
    }
  }
  std::ranges::fill(cross_, 0.0);
  std::ranges::fill(own_, 0.0);
}

}  // namespace gmmpi
