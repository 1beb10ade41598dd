// Rotations in planes and Newton's steps, until nothing changes any more.
#include "model/structures/common_orientation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/structures/dense_algebra.hpp"
#include "model/structures/newton_turn.hpp"
#include "model/structures/plane_rotation.hpp"
#include "model/symmetric_eigen.hpp"

namespace gmmpi {

namespace {

constexpr int kFirstSweeps = 4, kSweepsInCommon = 10;
/// Sweeps before Newton's steps and after one that led nowhere; rounds of both; and sweeps where angles are
/// too many for Newton's steps.
constexpr int kSweepsBetween = 4, kMostRounds = 30, kMostSweeps = 100;
constexpr std::size_t kMostAngles = 300;
constexpr int kMostPolishes = 3, kMostHalvings = 4;
/// The longest turn of a plane in a Newton's step; the share of its expected gain that it must bring; and
/// the rounding of the objective, per unit of weight.
constexpr double kLongestTurn = 0.5, kLeastShare = 1e-3, kRounding = 1e-14;
constexpr int kMostComponentsTried = 16;
/// Of the gain of a sweep, per unit of weight: no digit changes; and rounding, where it falls no more.
constexpr double kNoGain = 1e-31, kLittleGain = 1e-25;

/// One step of Newton & Schulz towards the nearest orthogonal matrix: X (3 - X^T X) / 2, for rows of X.
void orthonormalise(std::vector<double>& axes, std::size_t d) {
  std::vector<double> products(d * d), out(d * d);
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j)
      for (std::size_t l = 0; l < d; ++l) products[i * d + j] += axes[i * d + l] * axes[j * d + l];
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j) {
      out[i * d + j] = 1.5 * axes[i * d + j];
      for (std::size_t l = 0; l < d; ++l) out[i * d + j] -= 0.5 * products[i * d + l] * axes[l * d + j];
    }
  axes = std::move(out);
}

std::vector<double> identity(std::size_t d) {
  std::vector<double> out(d * d);
  for (std::size_t j = 0; j < d; ++j) out[j * (d + 1)] = 1.0;
  return out;
}

}  // namespace

/// The matrices D^T W_k D while D turns.
class OrientationSearch::Rotations {
 public:
  Rotations(const OrientationSearch& search, std::vector<double> axes)
      : s_(search), d_(search.d_), axes_(std::move(axes)) {
    rotate_anew();
  }

  /// All planes once; the gain expected, per unit of weight.
  double sweep() {
    double gain = 0.0, total = 0.0;
    for (const double w : weights_) total += w;
    for (std::size_t i = 0; i < d_; ++i)
      for (std::size_t j = i + 1; j < d_; ++j) gain += turn(i, j);
    return gain / total;
  }

  /// Whether nothing changes any more.
  bool sweeps(int most) {
    Progress progress;
    for (int i = 0; i < most; ++i)
      if (progress.ends(sweep())) return true;
    return false;
  }

  /// Sweeps converge linearly, and slowly where matrices are nearly singular; Newton's steps end it.
  void minimise() {
    if (d_ * (d_ - 1) / 2 > kMostAngles) {
      sweeps(kMostSweeps);
      return;
    }
    for (int i = 0; i < kMostRounds; ++i) {
      if (sweeps(kSweepsBetween)) return;
      Progress progress;
      for (double gain = newton(); gain >= 0.0; gain = newton())
        if (progress.ends(gain)) return;
    }
  }

  /// Frees D and the matrices of the rounding of many rotations.
  void rotate_anew() {
    orthonormalise(axes_, d_);
    M_.clear();
    for (const std::vector<double>& W : s_.W_) M_.push_back(congruence(axes_, W, static_cast<int>(d_)));
    weigh();
  }

  double objective() const {
    const std::vector<double> g = variances();
    double sum = 0.0;
    for (std::size_t k = 0; k < M_.size(); ++k) {
      const double mean = geometric_mean(std::span(g).subspan(k * d_, d_), s_.kernels_);
      if (s_.rule_ == OrientationRule::volume)
        sum += mean;
      else
        sum += s_.counts_[k] * log_of(std::max(mean, std::numeric_limits<double>::min()), s_.kernels_);
    }
    return sum;
  }

  std::vector<double> variances() const {
    std::vector<double> out;
    for (const std::vector<double>& M : M_)
      for (std::size_t j = 0; j < d_; ++j)
        out.push_back(std::max(M[j * (d_ + 1)], std::numeric_limits<double>::min()));
    return out;
  }

  const std::vector<double>& axes() const { return axes_; }

 private:
  /// Of steps with the gains given, one after the other.
  class Progress {
   public:
    bool ends(double gain) {
      const bool out = gain < kNoGain || (gain < kLittleGain && gain > 0.3 * last_);
      last_ = gain;
      return out;
    }

   private:
    double last_ = std::numeric_limits<double>::infinity();
  };

  void weigh() {
    weights_.assign(s_.counts_.begin(), s_.counts_.end());
    if (s_.rule_ != OrientationRule::volume) return;
    const std::vector<double> g = variances();
    for (std::size_t k = 0; k < M_.size(); ++k)
      weights_[k] = geometric_mean(std::span(g).subspan(k * d_, d_), s_.kernels_);
  }

  /// One Newton's step, or as much of it as lowers the objective; the gain expected, per unit of weight.
  /// Negative, and nothing turns: no such step.
  double newton() {
    const NewtonTurn turn = newton_turn(M_, weights_, static_cast<int>(d_), s_.rule_);
    if (turn.angles.empty()) return -1.0;
    double total = 0.0, longest = 0.0;
    for (const double w : weights_) total += w;
    for (const double angle : turn.angles) longest = std::max(longest, std::abs(angle));
    double share = longest > kLongestTurn ? kLongestTurn / longest : 1.0;
    const double before = objective();
    const std::vector<double> axes = axes_;
    const std::vector<std::vector<double>> M = M_;
    for (int i = 0; i < kMostHalvings; ++i, share *= 0.5) {
      turn_all(turn.angles, share);
      if (objective() <= before - share * kLeastShare * turn.gain + kRounding * total) {
        weigh();
        return turn.gain / total;
      }
      axes_ = axes;
      M_ = M;
    }
    return -1.0;
  }

  /// All planes, one after the other; by the tangent of half the angle.
  void turn_all(const std::vector<double>& angles, double share) {
    auto angle = angles.begin();
    for (std::size_t i = 0; i < d_; ++i)
      for (std::size_t j = i + 1; j < d_; ++j) {
        const double t = 0.5 * share * *angle++, scale = 1.0 / (1.0 + t * t);
        const double c = (1.0 - t * t) * scale, s = 2.0 * t * scale;
        for (std::vector<double>& M : M_) turn_matrix(M.data(), i, j, c, s);
        turn_rows(axes_.data() + i * d_, axes_.data() + j * d_, c, s);
      }
  }

  /// The best angle of the plane of axes i and j; returns the gain.
  double turn(std::size_t i, std::size_t j) {
    plane_.clear();
    for (const std::vector<double>& M : M_) plane_.add(M[i * (d_ + 1)], M[i * d_ + j], M[j * (d_ + 1)]);
    const int root = s_.rule_ == OrientationRule::volume ? static_cast<int>(d_) : 0;
    const PlaneTurn best = plane_.minimise(weights_, root, s_.kernels_);
    if (best.gain == 0.0) return 0.0;
    for (std::vector<double>& M : M_) turn_matrix(M.data(), i, j, best.c, best.s);
    turn_rows(axes_.data() + i * d_, axes_.data() + j * d_, best.c, best.s);
    return best.gain;
  }

  void turn_rows(double* p, double* q, double c, double s) const {
    for (std::size_t l = 0; l < d_; ++l) {
      const double x = p[l], y = q[l];
      p[l] = c * x + s * y;
      q[l] = c * y - s * x;
    }
  }

  void turn_matrix(double* M, std::size_t i, std::size_t j, double c, double s) const {
    double *p = M + i * d_, *q = M + j * d_;
    const double a = p[i], b = p[j], e = q[j];
    turn_rows(p, q, c, s);
    p[i] = c * (c * a + s * b) + s * (c * b + s * e);
    q[j] = s * (s * a - c * b) + c * (c * e - s * b);
    p[j] = q[i] = c * (c * b - s * a) + s * (c * e - s * b);
    for (std::size_t l = 0; l < d_; ++l) {
      M[l * d_ + i] = p[l];
      M[l * d_ + j] = q[l];
    }
  }

  const OrientationSearch& s_;
  std::size_t d_;
  std::vector<double> axes_, weights_;
  std::vector<std::vector<double>> M_;
  Plane plane_;
};

OrientationSearch::OrientationSearch(const std::vector<std::vector<double>>& W,
                                     std::span<const double> counts, int d, OrientationRule rule,
                                     const KernelTable& kernels)
    : W_(W), counts_(counts), d_(d), rule_(rule), kernels_(kernels) {}

CommonOrientation OrientationSearch::from(std::vector<double> axes) const {
  Rotations rotations(*this, std::move(axes));
  for (int i = 0; i < kMostPolishes; ++i) {
    rotations.minimise();
    rotations.rotate_anew();
    if (rotations.sweep() < kLittleGain) break;
  }
  rotations.rotate_anew();
  return {rotations.axes(), rotations.variances()};
}

std::vector<double> OrientationSearch::near(std::vector<double> axes, int most_sweeps) const {
  Rotations rotations(*this, std::move(axes));
  rotations.sweeps(most_sweeps);
  return rotations.axes();
}

CommonOrientation OrientationSearch::from_anywhere() const {
  std::vector<std::vector<double>> starts{identity(d_)};
  std::vector<double> pooled(std::size_t(d_) * d_);
  for (const std::vector<double>& W : W_)
    for (std::size_t e = 0; e < pooled.size(); ++e) pooled[e] += W[e];
  starts.push_back(symmetric_eigen(pooled, d_).vectors);
  for (std::size_t k = 0; k < W_.size() && k < kMostComponentsTried; ++k)
    starts.push_back(symmetric_eigen(W_[k], d_).vectors);
  std::vector<double> best;
  double least = 0.0;
  for (std::vector<double>& start : starts) {
    Rotations rotations(*this, std::move(start));
    rotations.sweeps(kFirstSweeps);
    const double value = rotations.objective();
    if (!best.empty() && !(value < least)) continue;
    best = rotations.axes();
    least = value;
  }
  return from(std::move(best));
}

std::vector<double> axes_in_common(std::span<const double> covariances, int n_components, int d,
                                   const KernelTable& kernels) {
  const std::size_t n = d;
  std::vector<std::vector<double>> each;
  std::vector<double> sum(n * n);
  bool diagonal = true;
  for (int k = 0; k < n_components; ++k) {
    const auto first = covariances.begin() + std::ptrdiff_t(k * n * n);
    std::vector<double>& one = each.emplace_back(first, first + std::ptrdiff_t(n * n));
    double trace = 0.0;
    for (std::size_t j = 0; j < n; ++j) trace += one[j * (n + 1)];
    for (std::size_t e = 0; e < sum.size(); ++e) {
      sum[e] += one[e] / trace;
      diagonal = diagonal && (one[e] == 0.0 || e % (n + 1) == 0);
    }
  }
  if (diagonal) return {};
  const std::vector<double> counts(n_components, 1.0);
  const OrientationSearch search(each, counts, d, OrientationRule::log_det, kernels);
  return search.near(symmetric_eigen(sum, d).vectors, kSweepsInCommon);
}

}  // namespace gmmpi
