// bernoulli: independent binary columns, whose means are their probabilities of 1. Bishop (2006),
// section 9.3.3.
#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmpi/error.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/model/prepared.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

namespace {

constexpr double kLogOfZero = -1417.0;

/// -2 sum_j x_j ln mu_j + (1 - x_j) ln(1 - mu_j) in the place of a squared distance.
class BernoulliDistances final : public Distances {
 public:
  /// ln 0 counts as that of the least normal number, squared: finite, and far from what any possible row has.
  BernoulliDistances(const Mixture& m, const KernelTable& kernels)
      : kernels_(kernels), K_(m.n_components), d_(m.n_features), factors_(2 * m.means.size()) {
    const std::size_t d = d_;
    for (std::size_t e = 0; e < m.means.size(); ++e) {
      double* one = factors_.data() + e / d * 2 * d + e % d;
      for (double* factor : {one, one + d}) {
        const double p = factor == one ? m.means[e] : 1.0 - m.means[e];
        kernels_.log(1, &p, factor);
        *factor = -2.0 * (p >= std::numeric_limits<double>::min() ? *factor : kLogOfZero);
      }
    }
  }

  void first(int columns, const double* xt, double*, double* out) const override {
    std::fill_n(out, std::int64_t{K_} * kTile, 0.0);
    for (int k = 0; k < K_; ++k)
      kernels_.bernoulli_distances(0, columns, kTile, xt, of_one(k), of_one(k) + d_,
                                   out + std::int64_t{k} * kTile);
  }
  void rest(int columns, int k, int n_rows, const double* xt, double*, double* distances) const override {
    kernels_.bernoulli_distances(columns, d_, n_rows, xt, of_one(k), of_one(k) + d_, distances);
  }
  double cost(double columns) const override { return columns / 8.0; }

 private:
  const double* of_one(int k) const { return factors_.data() + std::int64_t{k} * 2 * d_; }

  const KernelTable& kernels_;
  int K_, d_;
  AlignedDoubles factors_;  ///< (K, 2, d): -2 ln mu, then -2 ln(1 - mu)
};

class PreparedBernoulli final : public Prepared {
 public:
  PreparedBernoulli(const Mixture& m, const KernelTable& kernels)
      : Prepared(m, std::make_unique<BernoulliDistances>(m, kernels), {}, kernels) {}
};

/// The probability sin^2 of an angle, the angle turned by one of this sine; but neither the probability nor
/// its complement falls below a quarter. Those of 0 and 1 stay.
double turned_probability(double p, double sine) {
  if (p == 0.0 || p == 1.0) return p;
  sine = std::clamp(sine, -1.0, 1.0);
  const double cosine = std::sqrt(1.0 - sine * sine), a = std::sqrt(p), b = std::sqrt(1.0 - p);
  const double one = a * cosine + b * sine, zero = b * cosine - a * sine;
  if (one < 0.5 * a) return 0.25 * p;
  if (zero < 0.5 * b) return 1.0 - 0.25 * (1.0 - p);
  return one * one;
}

class Bernoulli final : public Component {
 public:
  std::string_view name() const override { return "bernoulli"; }
  std::string_view title() const override { return "Bernoulli"; }
  bool has_covariances() const override { return false; }
  bool is_binary() const override { return true; }
  bool has_prior() const override { return false; }
  bool goes_with_noise() const override { return false; }

  void validate(const Mixture& m, const std::string& name) const override {
    for (const double mu : m.means)
      if (!(mu >= 0.0 && mu <= 1.0))
        throw Error(ExitCode::bad_data,
                    name + ": a mean of a Bernoulli component is not in [0, 1]; it is a probability");
  }
  /// mu (1 - mu) on the diagonal.
  std::vector<double> covariance(const Mixture& m, int k) const override {
    const std::size_t d = m.n_features;
    std::vector<double> full(d * d);
    for (std::size_t j = 0; j < d; ++j) full[j * d + j] = m.mean(k)[j] * (1.0 - m.mean(k)[j]);
    return full;
  }
  std::unique_ptr<Prepared> prepare(const Mixture& m, const KernelTable& kernels) const override {
    return std::make_unique<PreparedBernoulli>(m, kernels);
  }
  void bound_means(std::span<double> means) const override {
    for (double& mean : means) mean = std::clamp(mean, 0.0, 1.0);
  }
  /// Probabilities of 0 and 1 could never change again.
  void mean_about(const double* x, std::span<double> mean) const override {
    for (std::size_t j = 0; j < mean.size(); ++j) mean[j] = 0.25 + 0.5 * x[j];
  }
  void draw(const Mixture& m, int k, const RowRandom& random, const KernelTable&, double* x) const override {
    for (int j = 0; j < m.n_features; ++j) x[j] = random(j) < m.mean(k)[j];
  }

  /// -ln of the sum over all rows of zeros and ones of the square root of both probabilities, which is a
  /// product over columns.
  std::vector<double> bhattacharyya(const Mixture& a, int k, const Mixture& b,
                                    const KernelTable& kernels) const override {
    const std::size_t d = a.n_features;
    std::vector<double> distances(b.n_components);
    for (std::size_t e = 0; e < b.means.size(); ++e) {
      const double mu = a.mean(k)[e % d], nu = b.means[e];
      // No overlap counts as the least normal number, so that such pairs can be matched all the same.
      const double overlap = std::max(std::sqrt(mu * nu) + std::sqrt((1.0 - mu) * (1.0 - nu)),
                                      std::numeric_limits<double>::min());
      double log_overlap = 0.0;
      kernels.log(1, &overlap, &log_overlap);
      distances[e / d] -= log_overlap;
    }
    return distances;
  }

  /// Twice the sine of the difference of the angles whose sin^2 are the probabilities.
  void mean_coordinates(const Mixture& origin, int k, const double* mean, double* out) const override {
    for (int j = 0; j < origin.n_features; ++j) {
      const double from = origin.mean(k)[j];
      out[j] = 2.0 * (std::sqrt(mean[j] * (1.0 - from)) - std::sqrt((1.0 - mean[j]) * from));
    }
  }
  void move_mean(const Mixture& origin, int, const double*, const double* x, double* mean) const override {
    for (int j = 0; j < origin.n_features; ++j) mean[j] = turned_probability(mean[j], 0.5 * x[j]);
  }
};

}  // namespace

std::unique_ptr<Component> make_bernoulli() {
  return std::make_unique<Bernoulli>();
}

}  // namespace gmmpi
