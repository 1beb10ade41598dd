// Derivatives by the angles of all planes, and the step that they give.
//
// With axes exp(S) D^T for a skew-symmetric S, M becomes exp(S) M exp(-S), and its diagonal, to second order,
//     g_a + 2 sum_b S_ab M_ab + sum_bc S_ab S_ac M_bc - sum_bc S_ba S_bc M_ac (of M as it was).
#include "model/structures/newton_turn.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "model/structures/dense_algebra.hpp"

namespace gmmpi {

namespace {

/// Of the diagonal, and added to it.
constexpr std::array kShifts{0.0, 1e-6, 1e-3, 1e-1};

/// Where S_ab stands among the angles, and with which sign.
struct Entry {
  std::size_t place;
  double sign;
};

Entry entry(std::size_t a, std::size_t b, std::size_t d) {
  const std::size_t i = std::min(a, b), j = std::max(a, b);
  return {i * d - i * (i + 1) / 2 + j - i - 1, a < b ? 1.0 : -1.0};
}

class Derivatives {
 public:
  explicit Derivatives(std::size_t d)
      : d_(d), p_(d * (d - 1) / 2), first_(p_), second_(p_ * p_), bends_(d * d * d), tilts_(d * d) {}

  /// weight times ln det of the diagonal of M; `curving` times the square of its first derivatives more.
  void add(const std::vector<double>& M, double weight, double curving) {
    std::vector<double> one(p_);
    for (std::size_t a = 0, e = 0; a < d_; ++a) {
      const double g = diagonal(M, a);
      for (std::size_t b = 0; b < d_; ++b) {
        tilts_[a * d_ + b] += weight * M[a * d_ + b] / g;
        const double slope = M[a * d_ + b] / g;
        double* row = bends_.data() + (a * d_ + b) * d_;
        for (std::size_t c = 0; c < d_; ++c)
          row[c] += 2.0 * weight * (M[b * d_ + c] / g - 2.0 * slope * (M[a * d_ + c] / g));
      }
      for (std::size_t b = a + 1; b < d_; ++b, ++e)
        one[e] = 2.0 * (M[a * d_ + b] / g - M[a * d_ + b] / diagonal(M, b));
    }
    for (std::size_t e = 0; e < p_; ++e) {
      first_[e] += weight * one[e];
      if (curving == 0.0) continue;
      const double scaled = weight * curving * one[e];
      for (std::size_t f = 0; f <= e; ++f) second_[e * p_ + f] += scaled * one[f];
    }
  }

  /// Sets the lower triangle of the second derivatives.
  void complete() {
    for (std::size_t a = 0; a < d_; ++a)
      for (std::size_t b = 0; b < d_; ++b)
        for (std::size_t c = 0; c < d_; ++c) {
          if (b == a || c == a) continue;
          const Entry ab = entry(a, b, d_), ac = entry(a, c, d_);
          if (ac.place > ab.place) continue;
          const double value = bends_[(a * d_ + b) * d_ + c] - (tilts_[b * d_ + c] + tilts_[c * d_ + b]);
          second_[ab.place * p_ + ac.place] += ab.sign * ac.sign * value;
        }
  }

  NewtonTurn step(double total) const {
    for (const double shift : kShifts) {
      std::vector<double> shifted = second_;
      for (std::size_t e = 0; e < p_; ++e)
        shifted[e * (p_ + 1)] += shift * (std::abs(second_[e * (p_ + 1)]) + total);
      const std::vector<double> L = cholesky_factor(shifted, static_cast<int>(p_));
      if (!L.empty()) return solve(L);
    }
    return {};
  }

 private:
  double diagonal(const std::vector<double>& M, std::size_t a) const {
    return std::max(M[a * (d_ + 1)], std::numeric_limits<double>::min());
  }

  NewtonTurn solve(const std::vector<double>& L) const {
    NewtonTurn out{first_, 0.0};
    std::vector<double>& x = out.angles;
    for (std::size_t i = 0; i < p_; ++i) {
      for (std::size_t l = 0; l < i; ++l) x[i] -= L[i * p_ + l] * x[l];
      x[i] /= L[i * (p_ + 1)];
      out.gain += 0.5 * x[i] * x[i];
    }
    for (std::size_t i = p_; i-- > 0;) {
      x[i] /= -L[i * (p_ + 1)];
      for (std::size_t l = 0; l < i; ++l) x[l] += L[i * p_ + l] * x[i];
    }
    return std::isfinite(out.gain) ? out : NewtonTurn{};
  }

  std::size_t d_, p_;
  std::vector<double> first_, second_;
  std::vector<double> bends_;  ///< (d, d, d): what S_ab S_ac gets from g_a
  std::vector<double> tilts_;  ///< (d, d): weighted sums of M_ab / g_a
};

}  // namespace

NewtonTurn newton_turn(const std::vector<std::vector<double>>& M, std::span<const double> weights, int d,
                       OrientationRule rule) {
  Derivatives all(d);
  double total = 0.0;
  for (std::size_t k = 0; k < M.size(); ++k) {
    const double weight = weights[k] / d;
    all.add(M[k], weight, rule == OrientationRule::volume ? 1.0 / d : 0.0);
    total += weight;
  }
  all.complete();
  return all.step(total);
}

}  // namespace gmmpi
