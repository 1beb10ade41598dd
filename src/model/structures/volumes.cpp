// Newton's method for the logarithms of the volumes.
#include "model/structures/volumes.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "model/structures/dense_algebra.hpp"

namespace gmmpi {

namespace {

constexpr int kMostSteps = 100, kMostHalvings = 30;
constexpr double kLongestStep = 4.0;  ///< of a logarithm
constexpr double kNear = 1e-6;        ///< steps below this are right to about their square

/// The terms of the objective at given 1 / lambda_k: S = sum_k V_k / lambda_k, P_k = V_k / lambda_k.
struct Terms {
  bool regular = true;
  double log_det = 0.0;        ///< ln |S|
  std::vector<double> trace;   ///< (K) tr(S^-1 P_k)
  std::vector<double> traces;  ///< (K, K) tr(S^-1 P_k S^-1 P_l)
};
using TermsAt = std::function<Terms(const std::vector<double>& inverse_scales)>;

/// What is minimised, and where it is.
class Problem {
 public:
  Problem(const CentralScatter& m, int n_directions, TermsAt terms_at)
      : m_(m), n_directions_(n_directions), terms_at_(std::move(terms_at)) {}

  /// From these ln lambda_k to those of the minimum; false if S is singular.
  bool minimise(std::vector<double>& a) const {
    Terms terms = at(a);
    if (!terms.regular) return false;
    double last = std::numeric_limits<double>::infinity();
    for (int i = 0; i < kMostSteps; ++i) {
      const std::vector<double> step = newton_step(terms);
      double longest = 0.0;
      for (const double x : step) longest = std::max(longest, std::abs(x));
      if (longest < kNear) {  // f tells steps so short no better from worse
        move(a, step, 1.0);
        if (longest < std::numeric_limits<double>::epsilon() || longest >= 0.5 * last) return true;
        terms = at(a);
      } else {
        if (!walk(a, step, std::min(1.0, kLongestStep / longest), terms)) return true;
      }
      if (!terms.regular) return false;
      last = longest;
    }
    return true;
  }

 private:
  Terms at(const std::vector<double>& a) const {
    std::vector<double> inverse(a.size());
    for (std::size_t k = 0; k < a.size(); ++k) inverse[k] = exp_of(-a[k], *m_.kernels);
    return terms_at_(inverse);
  }

  double value(const std::vector<double>& a, const Terms& terms) const {
    double sum = m_.total_weight * terms.log_det;
    for (std::size_t k = 0; k < a.size(); ++k) sum += m_.counts[k] * n_directions_ * a[k];
    return sum;
  }

  /// To a common factor of all lambda the objective is indifferent: the mean of the ln lambda_k stays.
  static void move(std::vector<double>& a, const std::vector<double>& step, double length) {
    for (std::size_t k = 0; k < a.size(); ++k) a[k] += length * step[k];
  }

  /// As far along the step as does not raise the objective; false if that is nowhere.
  bool walk(std::vector<double>& a, const std::vector<double>& step, double length, Terms& terms) const {
    const double before = value(a, terms), slack = 1e-12 * (std::abs(before) + m_.total_weight);
    for (int i = 0; i < kMostHalvings; ++i, length *= 0.5) {
      std::vector<double> there = a;
      move(there, step, length);
      Terms found = at(there);
      if (!found.regular || !(value(there, found) <= before + slack)) continue;
      a = std::move(there);
      terms = std::move(found);
      return true;
    }
    return false;
  }

  /// -J^-1 g with g_k = N_k d - n t_k and J = n (diag(t) - traces), singular along the common factor. Where J
  /// is so otherwise too, the step that takes lambda_k to its best value for the present C.
  std::vector<double> newton_step(const Terms& terms) const {
    const int K = static_cast<int>(terms.trace.size());
    const double n = m_.total_weight;
    std::vector<double> J(std::size_t(K) * K), step(K);
    double diagonal = 0.0;
    for (int k = 0; k < K; ++k) {
      for (int l = 0; l < K; ++l) J[std::size_t(k) * K + l] = -n * terms.traces[std::size_t(k) * K + l];
      diagonal += J[std::size_t(k) * (K + 1)] += n * terms.trace[k];
    }
    for (double& entry : J) entry += diagonal / K;
    for (int k = 0; k < K; ++k) step[k] = n * terms.trace[k] - m_.counts[k] * n_directions_;
    const std::vector<double> L = diagonal > 0.0 ? cholesky_factor(J, K) : std::vector<double>();
    if (L.empty()) {
      for (int k = 0; k < K; ++k)
        step[k] = log_of(n * terms.trace[k] / (m_.counts[k] * n_directions_), *m_.kernels);
      return step;
    }
    for (int i = 0; i < K; ++i) {
      for (int j = 0; j < i; ++j) step[i] -= L[std::size_t(i) * K + j] * step[j];
      step[i] /= L[std::size_t(i) * (K + 1)];
    }
    double mean = 0.0;
    for (int i = K - 1; i >= 0; --i) {
      for (int j = i + 1; j < K; ++j) step[i] -= L[std::size_t(j) * K + i] * step[j];
      step[i] /= L[std::size_t(i) * (K + 1)];
      mean += step[i] / K;
    }
    for (double& x : step) x -= mean;
    return step;
  }

  const CentralScatter& m_;
  int n_directions_;
  TermsAt terms_at_;
};

Terms terms_of_diagonals(const std::vector<double>& V, int d, const std::vector<double>& inverse_scales,
                         const KernelTable& kernels) {
  const std::size_t K = inverse_scales.size();
  std::vector<double> S(d), P = V;
  for (std::size_t e = 0; e < P.size(); ++e) S[e % d] += P[e] *= inverse_scales[e / d];
  Terms terms{true, 0.0, std::vector<double>(K), std::vector<double>(K * K)};
  for (int j = 0; j < d; ++j) {
    if (!(S[j] > 0.0)) continue;  // a direction in which nothing varies
    terms.log_det += log_of(S[j], kernels);
    for (std::size_t k = 0; k < K; ++k) terms.trace[k] += P[k * d + j] /= S[j];
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t l = 0; l < K; ++l) terms.traces[k * K + l] += P[k * d + j] * P[l * d + j];
  }
  return terms;
}

Terms terms_of_matrices(const std::vector<std::vector<double>>& V, int d,
                        const std::vector<double>& inverse_scales, const KernelTable& kernels) {
  const std::size_t K = inverse_scales.size();
  std::vector<double> S(std::size_t(d) * d);
  for (std::size_t k = 0; k < K; ++k)
    for (std::size_t e = 0; e < S.size(); ++e) S[e] += inverse_scales[k] * V[k][e];
  Terms terms{true, 0.0, std::vector<double>(K), std::vector<double>(K * K)};
  const std::vector<double> L = cholesky_factor(S, d);
  if (L.empty()) return {false, 0.0, {}, {}};
  for (int j = 0; j < d; ++j) terms.log_det += 2.0 * log_of(L[std::size_t(j) * (d + 1)], kernels);
  const std::vector<double> inverse = inverse_of_lower(L, d);
  std::vector<std::vector<double>> P;
  for (std::size_t k = 0; k < K; ++k) {
    std::vector<double>& whitened = P.emplace_back(congruence(inverse, V[k], d));
    for (double& entry : whitened) entry *= inverse_scales[k];
    for (int j = 0; j < d; ++j) terms.trace[k] += whitened[std::size_t(j) * (d + 1)];
    for (std::size_t l = 0; l <= k; ++l) {
      double sum = 0.0;
      for (std::size_t e = 0; e < whitened.size(); ++e) sum += whitened[e] * P[l][e];
      terms.traces[k * K + l] = terms.traces[l * K + k] = sum;
    }
  }
  return terms;
}

/// The components that vary at all, and what the problem is without the others.
struct Varying {
  std::vector<int> index;
  std::vector<double> counts, start;
  double total = 0.0;

  Varying(const CentralScatter& m, const std::vector<double>& traces, const std::vector<double>& from) {
    for (int k = 0; k < m.n_components; ++k) {
      if (!(traces[k] >= std::numeric_limits<double>::min())) continue;
      index.push_back(k);
      counts.push_back(m.counts[k]);
      total += m.counts[k];
      const bool known = !from.empty() && from[k] >= std::numeric_limits<double>::min();
      start.push_back(log_of(known ? from[k] : traces[k] / (m.counts[k] * m.n_features), *m.kernels));
    }
  }

  CentralScatter moments(const CentralScatter& m) const {
    CentralScatter out{static_cast<int>(index.size()), m.n_features, counts, total, {}};
    out.kernels = m.kernels;
    return out;
  }
};

/// C = sum_k V_k / (n lambda_k).
template <class PartOf>
SharedShape shape_of(const CentralScatter& m, const Varying& varying, const std::vector<double>& logs,
                     std::size_t size, const PartOf& part_of) {
  SharedShape out{std::vector<double>(m.n_components), std::vector<double>(size)};
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const int k = varying.index[i];
    out.scale[k] = exp_of(logs[i], *m.kernels);
    const double* part = part_of(k);
    for (std::size_t e = 0; e < size; ++e) out.shape[e] += part[e] / (out.scale[k] * varying.total);
  }
  return out;
}

}  // namespace

SharedShape shared_shape_of_diagonals(const CentralScatter& m, const std::vector<double>& V,
                                      const std::vector<double>& start) {
  const int d = m.n_features;
  std::vector<double> traces(m.n_components), columns(d);
  for (std::size_t e = 0; e < V.size(); ++e) {
    traces[e / d] += V[e];
    columns[e % d] += V[e];
  }
  const Varying varying(m, traces, start);
  std::vector<double> some, logs = varying.start;
  for (const int k : varying.index)
    some.insert(some.end(), V.begin() + std::ptrdiff_t{k} * d, V.begin() + std::ptrdiff_t{k + 1} * d);
  const auto n_directions =
      static_cast<int>(std::ranges::count_if(columns, [](double v) { return v > 0.0; }));
  const CentralScatter moments = varying.moments(m);
  Problem(moments, n_directions, [&](const std::vector<double>& inverse_scales) {
    return terms_of_diagonals(some, d, inverse_scales, *m.kernels);
  }).minimise(logs);
  return shape_of(m, varying, logs, d, [&](int k) { return V.data() + std::size_t(k) * d; });
}

SharedShape shared_shape_of_matrices(const CentralScatter& m, const std::vector<std::vector<double>>& V,
                                     const std::vector<double>& start) {
  const int d = m.n_features;
  std::vector<double> traces(m.n_components);
  for (int k = 0; k < m.n_components; ++k)
    for (int j = 0; j < d; ++j) traces[k] += V[k][std::size_t(j) * (d + 1)];
  const Varying varying(m, traces, start);
  std::vector<double> logs = varying.start;
  std::vector<std::vector<double>> some;
  for (const int k : varying.index) some.push_back(V[k]);
  const CentralScatter moments = varying.moments(m);
  const auto terms = [&](const std::vector<double>& inverse_scales) {
    return terms_of_matrices(some, d, inverse_scales, *m.kernels);
  };
  if (!Problem(moments, d, terms).minimise(logs)) logs = Varying(m, traces, {}).start;
  return shape_of(m, varying, logs, std::size_t(d) * d, [&](int k) { return V[k].data(); });
}

std::vector<double> scales_before(const CentralScatter& m, bool diagonal) {
  if (m.before.empty()) return {};
  const std::size_t d = m.n_features, stride = diagonal ? d : d * d;
  std::vector<double> traces(m.n_components);
  for (std::size_t k = 0; k < traces.size(); ++k)
    for (std::size_t j = 0; j < d; ++j) traces[k] += m.before[k * stride + (diagonal ? j : j * (d + 1))];
  return traces;
}

}  // namespace gmmpi
