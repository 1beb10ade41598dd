// Newton's method on the circle, and where that might go up, a bound that goes down.
#include "model/structures/plane_rotation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gmmpi {

namespace {

constexpr int kMostSteps = 50;
constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr double kLeastProduct = 1e-30;
constexpr double kLongestStep = 0.5;
/// Newton's steps below the first need not be tried, and after one below the second the next would be
/// nothing.
constexpr double kShort = 1e-4, kLast = 1e-7;

}  // namespace

void Plane::clear() {
  for (std::vector<double>* values : {&q_, &beta_, &gamma_, &noise_}) values->clear();
}

void Plane::add(double a, double b, double e) {
  const double least = std::numeric_limits<double>::min(),
               mean = 0.5 * (std::max(a, least) + std::max(e, least));
  const double u = 0.5 * (a - e) / mean, v = b / mean;
  const double q = std::max((a / mean) * (e / mean), kLeastProduct);
  q_.push_back(q);
  beta_.push_back(0.5 * (u - v) * (u + v));
  gamma_.push_back(u * v);
  noise_.push_back(kEps * std::abs(u) / std::sqrt(q));  // of gamma / q: b is right to eps sqrt(a e)
}

double Plane::product(std::size_t k, Angle at) const {
  const double versine = at.c >= 0.0 ? at.s * at.s / (1.0 + at.c) : 1.0 - at.c;
  return std::max(q_[k] + beta_[k] * versine - gamma_[k] * at.s, kLeastProduct);
}

void Plane::weigh(Angle at, const std::vector<double>& weights, int root, const KernelTable& kernels) {
  terms_ = weights;
  if (root == 0 || at.s == 0.0) return;
  const auto n = static_cast<std::int64_t>(q_.size());
  ratios_.resize(q_.size());
  for (std::size_t k = 0; k < q_.size(); ++k) ratios_[k] = product(k, at) / q_[k];
  kernels.log(n, ratios_.data(), ratios_.data());
  for (double& log : ratios_) log /= root;
  kernels.exp(n, ratios_.data(), ratios_.data());
  for (std::size_t k = 0; k < q_.size(); ++k) terms_[k] *= ratios_[k];
}

/// ln q is below its tangent in q, and so is q^(1/root): with the weights w_k / q_k of these tangents, the
/// sum of the q_k is largest where (cos psi, sin psi) is along the sum of the (beta_k, gamma_k).
Plane::Slope Plane::slope(Angle at, int root) const {
  const double curving = root == 0 ? 1.0 : 1.0 - 1.0 / root, share = root == 0 ? 1.0 : 1.0 / root;
  Slope out;
  double B = 0.0, C = 0.0;
  for (std::size_t k = 0; k < q_.size(); ++k) {
    const double q = product(k, at), w = share * terms_[k];
    const double first = (beta_[k] * at.s - gamma_[k] * at.c) / q;
    out.first += w * first;
    out.second += w * ((beta_[k] * at.c + gamma_[k] * at.s) / q - curving * first * first);
    B += w * beta_[k] / q;
    C += w * gamma_[k] / q;
  }
  const double length = std::sqrt(B * B + C * C);
  out.below = length > 0.0 ? Angle{B / length, C / length} : at;
  return out;
}

PlaneTurn Plane::minimise(std::vector<double>& weights, int root, const KernelTable& kernels) {
  const double share = root == 0 ? 1.0 : 1.0 / root;
  double noise = 0.0;
  for (std::size_t k = 0; k < q_.size(); ++k) noise += share * weights[k] * noise_[k];
  Angle at{1.0, 0.0};
  weigh(at, weights, root, kernels);
  Slope here = slope(at, root);
  double gain = 0.0;
  for (int i = 0; i < kMostSteps; ++i) {
    const double step = -here.first / here.second;
    const bool convex = here.second > 0.0 && std::abs(step) <= kLongestStep;
    if (std::abs(here.first) <= noise && here.second >= -noise) break;
    Angle next = here.below;
    if (convex) {  // by tan(step / 2) = step / 2
      const double t = 0.5 * step, c = (1.0 - t * t) / (1.0 + t * t), s = 2.0 * t / (1.0 + t * t);
      next = {at.c * c - at.s * s, at.s * c + at.c * s};
      gain += 0.5 * std::abs(here.first * step);
    }
    weigh(next, weights, root, kernels);
    if (convex && std::abs(step) <= kLast) {
      at = next;
      break;
    }
    Slope there = slope(next, root);
    if (convex && std::abs(step) > kShort && !(std::abs(there.first) <= 0.5 * std::abs(here.first))) {
      next = here.below;
      weigh(next, weights, root, kernels);
      there = slope(next, root);
    }
    if (!convex) gain += std::abs(here.first) + std::abs(here.second);
    at = next;
    here = there;
  }
  if (at.s == 0.0 && at.c > 0.0) return {};
  if (root != 0) weights = terms_;
  // theta is a quarter of psi, in (-pi, pi].
  for (int i = 0; i < 2; ++i) {
    const double c = at.c >= 0.0 ? std::sqrt(0.5 * (1.0 + at.c)) : 0.0;
    if (at.c >= 0.0) {
      at = {c, 0.5 * at.s / c};
    } else {
      const double s = std::sqrt(0.5 * (1.0 - at.c));
      at = {0.5 * std::abs(at.s) / s, at.s < 0.0 ? -s : s};
    }
  }
  return {at.c, at.s, std::max(gain, std::numeric_limits<double>::min())};
}

}  // namespace gmmpi
