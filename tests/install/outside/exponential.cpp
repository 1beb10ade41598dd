// exponential: independent columns, p(x_j) = exp(-x_j / mu_j) / mu_j for x_j >= 0.
#include <algorithm>
#include <cmath>
#include <gmmpi/error.hpp>
#include <gmmpi/model/mixture.hpp>
#include <gmmpi/model/prepared.hpp>
#include <limits>

namespace gmmpi {

namespace {

/// 2 sum_j x_j / mu_j in the place of a squared distance.
class ExponentialDistances final : public Distances {
 public:
  explicit ExponentialDistances(const Mixture& m) : K_(m.n_components), d_(m.n_features) {
    for (const double mean : m.means) rates_.push_back(2.0 / mean);
  }
  void first(int columns, const double* xt, double*, double* out) const override {
    std::fill_n(out, std::size_t(K_) * kTileRows, 0.0);
    for (int k = 0; k < K_; ++k) add(0, columns, k, kTileRows, xt, out + std::size_t(k) * kTileRows);
  }
  void rest(int columns, int k, int n_rows, const double* xt, double*, double* distances) const override {
    add(columns, d_, k, n_rows, xt, distances);
  }
  double cost(double columns) const override { return columns / 8.0; }

 private:
  void add(int from, int to, int k, int n_rows, const double* xt, double* out) const {
    for (int j = from; j < to; ++j)
      for (int r = 0; r < n_rows; ++r) out[r] += xt[j * kTileRows + r] * rates_[std::size_t(k) * d_ + j];
  }

  int K_, d_;
  std::vector<double> rates_;
};

class PreparedExponential final : public Prepared {
 public:
  PreparedExponential(const Mixture& m, const KernelTable& kernels)
      : Prepared(m, std::make_unique<ExponentialDistances>(m), constants(m), kernels) {}

 private:
  static AlignedDoubles constants(const Mixture& m) {
    AlignedDoubles out(m.n_components);
    for (int k = 0; k < m.n_components; ++k)
      for (const double mean : m.mean(k)) out[k] -= std::log(mean);
    return out;
  }
};

class Exponential final : public Component {
 public:
  std::string_view name() const override { return "exponential"; }
  std::string_view title() const override { return "Exponential"; }
  bool has_covariances() const override { return false; }
  bool has_prior() const override { return false; }
  bool goes_with_noise() const override { return false; }

  void validate(const Mixture& m, const std::string& name) const override {
    for (const double mean : m.means)
      if (!(mean > 0.0))
        throw Error(ExitCode::bad_data, name + ": a mean is not positive; give positive ones");
  }
  std::vector<double> covariance(const Mixture& m, int k) const override {
    const std::size_t d = m.n_features;
    std::vector<double> full(d * d);
    for (std::size_t j = 0; j < d; ++j) full[j * (d + 1)] = m.mean(k)[j] * m.mean(k)[j];
    return full;
  }
  std::unique_ptr<Prepared> prepare(const Mixture& m, const KernelTable& kernels) const override {
    return std::make_unique<PreparedExponential>(m, kernels);
  }
  void bound_means(std::span<double> means) const override {
    for (double& mean : means) mean = std::max(mean, std::numeric_limits<double>::min());
  }
  void draw(const Mixture& m, int k, const RowRandom& random, const KernelTable&, double* x) const override {
    for (int j = 0; j < m.n_features; ++j) x[j] = -m.mean(k)[j] * std::log(random(j));
  }
  /// -ln of the integral of sqrt(p q): the product over columns of 2 sqrt(mu nu) / (mu + nu).
  std::vector<double> bhattacharyya(const Mixture& a, int k, const Mixture& b,
                                    const KernelTable&) const override {
    std::vector<double> distances(b.n_components);
    for (int l = 0; l < b.n_components; ++l)
      for (int j = 0; j < a.n_features; ++j) {
        const double mu = a.mean(k)[j], nu = b.mean(l)[j];
        distances[l] += std::log(0.5 * (mu + nu) / std::sqrt(mu * nu));
      }
    return distances;
  }

  /// ln(mu' / mu), whose information is 1 per unit of weight.
  void mean_coordinates(const Mixture& origin, int k, const double* mean, double* out) const override {
    for (int j = 0; j < origin.n_features; ++j) out[j] = std::log(mean[j] / origin.mean(k)[j]);
  }
  void move_mean(const Mixture& origin, int, const double*, const double* x, double* mean) const override {
    for (int j = 0; j < origin.n_features; ++j) mean[j] *= std::exp(x[j]);
  }
};

}  // namespace

std::unique_ptr<Component> make_exponential() {
  return std::make_unique<Exponential>();
}

}  // namespace gmmpi
