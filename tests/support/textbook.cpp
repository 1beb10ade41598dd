// The textbook EM: densities, E-step, M-step, fits and Lloyd's step, written for clarity alone.
#include "support/textbook.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace textbook {
namespace {

/// Lower triangular L with L L^T = the k-th covariance, (d, d).
std::vector<Real> cholesky(const Mixture& mixture, int k) {
  const int d = mixture.d;
  std::vector<Real> L(d * d, 0);
  for (int i = 0; i < d; ++i) {
    for (int j = 0; j <= i; ++j) {
      Real s = mixture.covariance(k, i, j);
      for (int t = 0; t < j; ++t) s -= L[i * d + t] * L[j * d + t];
      if (i == j && !(s > 0)) throw std::domain_error("textbook: a covariance is not positive definite");
      L[i * d + j] = i == j ? std::sqrt(s) : s / L[j * d + j];
    }
  }
  return L;
}

Real log_sum_exp(const std::vector<Real>& values) {
  const Real largest = *std::max_element(values.begin(), values.end());
  Real sum = 0;
  for (const Real value : values) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

/// exp(values) over their sum, without passing through the (possibly huge) logarithm of the sum.
std::vector<Real> softmax(const std::vector<Real>& values) {
  const Real largest = *std::max_element(values.begin(), values.end());
  std::vector<Real> result(values.size());
  Real sum = 0;
  for (std::size_t k = 0; k < values.size(); ++k) sum += result[k] = std::exp(values[k] - largest);
  for (Real& value : result) value /= sum;
  return result;
}

/// Mean of the rows under weights r_nk w_n. The second pass removes the rounding of the first.
std::vector<Real> weighted_mean(const Rows& rows, std::span<const Real> resp, int K, int k, Real N_k) {
  std::vector<Real> mean(rows.d, 0);
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<Real> shift(rows.d, 0);
    for (std::int64_t n = 0; n < rows.size(); ++n) {
      const Real r = resp[n * K + k] * rows.weight(n);
      if (r == 0) continue;
      for (int i = 0; i < rows.d; ++i) shift[i] += r * (rows[n][i] - mean[i]);
    }
    for (int i = 0; i < rows.d; ++i) mean[i] += shift[i] / N_k;
  }
  return mean;
}

/// sum_n w_n r_nk (x_n - mu_k)(x_n - mu_k)^T about the new mean, (d, d).
std::vector<Real> scatter(const Rows& rows, std::span<const Real> resp, const Mixture& mixture, int k) {
  const int d = rows.d;
  const int K = mixture.n_components();
  std::vector<Real> S(d * d, 0);
  std::vector<Real> diff(d);
  for (std::int64_t n = 0; n < rows.size(); ++n) {
    const Real r = resp[n * K + k] * rows.weight(n);
    if (r == 0) continue;
    for (int i = 0; i < d; ++i) diff[i] = rows[n][i] - mixture.mean(k, i);
    for (int i = 0; i < d; ++i) {
      for (int j = 0; j <= i; ++j) S[i * d + j] += r * diff[i] * diff[j];
    }
  }
  for (int i = 0; i < d; ++i) {
    for (int j = 0; j < i; ++j) S[j * d + i] = S[i * d + j];
  }
  return S;
}

/// Turns K full covariances (which had N_k as divisor) into those of the type. `N` is (K).
void constrain(const std::string& type, Mixture* mixture, const std::vector<Real>& N, Real total) {
  const int d = mixture->d;
  const int K = mixture->n_components();
  if (type == "tied") {
    for (int i = 0; i < d; ++i) {
      for (int j = 0; j < d; ++j) {
        Real pooled = 0;
        for (int k = 0; k < K; ++k) pooled += N[k] * mixture->covariance(k, i, j);
        for (int k = 0; k < K; ++k) mixture->covariance(k, i, j) = pooled / total;
      }
    }
  }
  if (type != "diag" && type != "spherical") return;
  for (int k = 0; k < K; ++k) {
    Real trace = 0;
    for (int i = 0; i < d; ++i) trace += mixture->covariance(k, i, i);
    for (int i = 0; i < d; ++i) {
      for (int j = 0; j < d; ++j) {
        if (i != j) mixture->covariance(k, i, j) = 0;
      }
      if (type == "spherical") mixture->covariance(k, i, i) = trace / d;
    }
  }
}

void regularise(const std::string& type, Mixture* mixture, std::span<const double> reg_covar) {
  if (reg_covar.empty()) return;
  Real mean = 0;
  for (const double r : reg_covar) mean += static_cast<Real>(r) / mixture->d;
  for (int k = 0; k < mixture->n_components(); ++k) {
    for (int i = 0; i < mixture->d; ++i) {
      mixture->covariance(k, i, i) += type == "spherical" ? mean : static_cast<Real>(reg_covar[i]);
    }
  }
}

void check_type(const std::string& type) {
  if (type != "full" && type != "tied" && type != "diag" && type != "spherical") {
    throw std::invalid_argument("textbook: unknown covariance type " + type);
  }
}

}  // namespace

Real Rows::total_weight() const {
  Real total = 0;
  for (std::int64_t n = 0; n < size(); ++n) total += weight(n);
  return total;
}

Mixture make_mixture(const std::string& type, std::span<const double> weights, std::span<const double> means,
                     std::span<const double> covariances) {
  check_type(type);
  const int K = static_cast<int>(weights.size());
  const int d = static_cast<int>(means.size()) / K;
  Mixture mixture{d, {weights.begin(), weights.end()}, {means.begin(), means.end()}, {}};
  mixture.covariances.assign(static_cast<std::size_t>(K) * d * d, 0);
  for (int k = 0; k < K; ++k) {
    for (int i = 0; i < d; ++i) {
      for (int j = 0; j < d; ++j) {
        Real value = 0;
        if (type == "full") value = covariances[(k * d + i) * d + j];
        if (type == "tied") value = covariances[i * d + j];
        if (type == "diag" && i == j) value = covariances[k * d + i];
        if (type == "spherical" && i == j) value = covariances[k];
        mixture.covariance(k, i, j) = value;
      }
    }
  }
  return mixture;
}

std::vector<double> compact_covariances(const std::string& type, const Mixture& mixture) {
  check_type(type);
  std::vector<double> compact;
  const int d = mixture.d;
  for (int k = 0; k < (type == "tied" ? 1 : mixture.n_components()); ++k) {
    for (int i = 0; i < (type == "spherical" ? 1 : d); ++i) {
      for (int j = 0; j < d; ++j) {
        const bool kept = type == "full" || type == "tied" || i == j;
        if (kept) compact.push_back(static_cast<double>(mixture.covariance(k, i, j)));
      }
    }
  }
  return compact;
}

int n_parameters(const std::string& type, int n_components, int d) {
  check_type(type);
  const int triangle = d * (d + 1) / 2;
  const int free = n_components - 1 + n_components * d;
  if (type == "full") return free + n_components * triangle;
  if (type == "tied") return free + triangle;
  return free + n_components * (type == "diag" ? d : 1);
}

Density::Density(const Mixture& mixture) : mixture_(mixture) {
  for (int k = 0; k < mixture.n_components(); ++k) {
    const std::vector<Real> L = cholesky(mixture, k);
    Real log_det = 0;
    for (int i = 0; i < mixture.d; ++i) log_det += 2 * std::log(L[i * mixture.d + i]);
    log_det_.push_back(log_det);
    cholesky_.insert(cholesky_.end(), L.begin(), L.end());
  }
}

std::vector<Real> Density::mahalanobis_squared(std::span<const double> row) const {
  const int d = mixture_.d;
  std::vector<Real> result;
  std::vector<Real> z(d);  // L z = x - mu_k
  for (int k = 0; k < mixture_.n_components(); ++k) {
    const Real* L = cholesky_.data() + static_cast<std::size_t>(k) * d * d;
    Real squared = 0;
    for (int i = 0; i < d; ++i) {
      z[i] = row[i] - mixture_.mean(k, i);
      for (int j = 0; j < i; ++j) z[i] -= L[i * d + j] * z[j];
      z[i] /= L[i * d + i];
      squared += z[i] * z[i];
    }
    result.push_back(squared);
  }
  return result;
}

std::vector<Real> Density::component_log_density(std::span<const double> row) const {
  const Real log_2pi = std::log(2 * std::numbers::pi_v<Real>);
  std::vector<Real> result = mahalanobis_squared(row);
  for (int k = 0; k < mixture_.n_components(); ++k) {
    result[k] = -(mixture_.d * log_2pi + log_det_[k] + result[k]) / 2;
  }
  return result;
}

std::vector<Real> Density::log_joint(std::span<const double> row) const {
  std::vector<Real> result = component_log_density(row);
  for (int k = 0; k < mixture_.n_components(); ++k) result[k] += std::log(mixture_.weights[k]);
  return result;
}

Real Density::log_density(std::span<const double> row) const {
  return log_sum_exp(log_joint(row));
}

std::vector<Real> Density::responsibilities(std::span<const double> row) const {
  return softmax(log_joint(row));
}

Expectation e_step(const Rows& rows, const Mixture& mixture) {
  const Density density(mixture);
  Expectation result;
  for (std::int64_t n = 0; n < rows.size(); ++n) {
    const std::vector<Real> log_joint = density.log_joint(rows[n]);
    const std::vector<Real> resp = softmax(log_joint);
    result.log_joint.insert(result.log_joint.end(), log_joint.begin(), log_joint.end());
    result.responsibilities.insert(result.responsibilities.end(), resp.begin(), resp.end());
    result.log_density.push_back(log_sum_exp(log_joint));
    if (rows.weight(n) != 0) result.log_likelihood += rows.weight(n) * result.log_density.back();
  }
  return result;
}

Mixture m_step(const std::string& type, const Rows& rows, std::span<const Real> resp,
               std::span<const double> reg_covar) {
  check_type(type);
  const int K = static_cast<int>(static_cast<std::int64_t>(resp.size()) / rows.size());
  const Real total = rows.total_weight();
  std::vector<Real> N(K, 0);
  Mixture mixture{rows.d, std::vector<Real>(K), {}, {}};
  for (int k = 0; k < K; ++k) {
    for (std::int64_t n = 0; n < rows.size(); ++n) N[k] += resp[n * K + k] * rows.weight(n);
    if (!(N[k] > 0)) throw std::domain_error("textbook: a component is empty");
    mixture.weights[k] = N[k] / total;
    const std::vector<Real> mean = weighted_mean(rows, resp, K, k, N[k]);
    mixture.means.insert(mixture.means.end(), mean.begin(), mean.end());
    for (const Real s : scatter(rows, resp, mixture, k)) mixture.covariances.push_back(s / N[k]);
  }
  constrain(type, &mixture, N, total);
  regularise(type, &mixture, reg_covar);
  return mixture;
}

std::vector<int> labels(const Expectation& expectation) {
  const std::size_t N = expectation.log_density.size();
  const std::size_t K = expectation.log_joint.size() / N;
  std::vector<int> result;
  for (std::size_t n = 0; n < N; ++n) {
    const auto first = expectation.log_joint.begin() + n * K;
    result.push_back(static_cast<int>(std::max_element(first, first + K) - first));
  }
  return result;
}

std::vector<Real> one_hot(std::span<const int> labels, int n_components) {
  std::vector<Real> resp(labels.size() * n_components, 0);
  for (std::size_t n = 0; n < labels.size(); ++n) resp[n * n_components + labels[n]] = 1;
  return resp;
}

Fit run_to_convergence(const std::string& type, const Rows& rows, const Mixture& start, Real tol,
                       int max_iter, std::span<const double> reg_covar) {
  Fit fit{start, {}, false};
  const Real total = rows.total_weight();
  for (;;) {
    const Expectation expectation = e_step(rows, fit.mixture);
    if (!fit.history.empty()) {
      fit.converged = std::abs(expectation.log_likelihood - fit.history.back()) / total < tol;
    }
    fit.history.push_back(expectation.log_likelihood);
    if (fit.converged || fit.n_iter() == max_iter) return fit;
    fit.mixture = m_step(type, rows, expectation.responsibilities, reg_covar);
  }
}

Fit run(const std::string& type, const Rows& rows, const Mixture& start, int n_iter,
        std::span<const double> reg_covar) {
  return run_to_convergence(type, rows, start, 0, n_iter, reg_covar);
}

Difference difference(const Mixture& expected, const Mixture& actual) {
  Difference worst;
  const auto raise = [](Real* largest, Real value) {
    if (std::isnan(value) || value > *largest) *largest = value;  // a NaN stays
  };
  const int d = expected.d;
  for (int k = 0; k < expected.n_components(); ++k) {
    raise(&worst.weights, std::abs(actual.weights[k] - expected.weights[k]));
    for (int i = 0; i < d; ++i) {
      const Real sd_i = std::sqrt(expected.covariance(k, i, i));
      raise(&worst.means, std::abs(actual.mean(k, i) - expected.mean(k, i)) / sd_i);
      for (int j = 0; j < d; ++j) {
        const Real sd_j = std::sqrt(expected.covariance(k, j, j));
        const Real gap = std::abs(actual.covariance(k, i, j) - expected.covariance(k, i, j));
        raise(&worst.covariances, gap / sd_i / sd_j);
      }
    }
  }
  return worst;
}

Lloyd lloyd_step(const Rows& rows, std::span<const Real> centers) {
  const int d = rows.d;
  const int K = static_cast<int>(centers.size()) / d;
  Lloyd step;
  for (std::int64_t n = 0; n < rows.size(); ++n) {
    int nearest = 0;
    Real smallest = INFINITY;
    for (int k = 0; k < K; ++k) {
      Real squared = 0;
      for (int i = 0; i < d; ++i)
        squared += (rows[n][i] - centers[k * d + i]) * (rows[n][i] - centers[k * d + i]);
      if (squared < smallest) nearest = k;
      smallest = std::min(smallest, squared);
    }
    step.labels.push_back(nearest);
    step.inertia += rows.weight(n) * smallest;
  }
  const std::vector<Real> resp = one_hot(step.labels, K);
  for (int k = 0; k < K; ++k) {
    Real N_k = 0;
    for (std::int64_t n = 0; n < rows.size(); ++n) N_k += resp[n * K + k] * rows.weight(n);
    std::vector<Real> center(centers.begin() + k * d, centers.begin() + (k + 1) * d);
    if (N_k > 0) center = weighted_mean(rows, resp, K, k, N_k);
    step.centers.insert(step.centers.end(), center.begin(), center.end());
  }
  return step;
}

}  // namespace textbook
