// gaussian: N(x | mu_k, Sigma_k). Bishop (2006), section 2.3 and eq. 9.7.
#include <algorithm>
#include <cmath>

#include "gmmpi/error.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/model/prepared.hpp"
#include "kernels/table.hpp"
#include "model/normal_quantile.hpp"

namespace gmmpi {

namespace {

constexpr double kHalfLog2Pi = 0.91893853320467274178;

class PreparedGaussian final : public Prepared {
 public:
  PreparedGaussian(const Mixture& m, const KernelTable& kernels)
      : Prepared(m, m.layout().distances(m, kernels), constants(m), kernels) {}

 private:
  static AlignedDoubles constants(const Mixture& m) {
    AlignedDoubles out;
    for (const double log_det : m.log_det) out.push_back(log_det - m.n_features * kHalfLog2Pi + m.log_volume);
    return out;
  }
};

class Gaussian final : public Component {
 public:
  std::string_view name() const override { return "gaussian"; }
  bool has_rowwise_density() const override { return true; }
  std::string_view title() const override { return "Gaussian"; }

  std::vector<double> covariance(const Mixture& m, int k) const override {
    std::vector<double> full(std::size_t(m.n_features) * m.n_features);
    m.layout().to_full(m.covariance(k), m.n_features, full.data());
    return full;
  }

  std::unique_ptr<Prepared> prepare(const Mixture& m, const KernelTable& kernels) const override {
    return std::make_unique<PreparedGaussian>(m, kernels);
  }

  /// x = mu + U^-T z, which has covariance (U U^T)^-1. Bishop (2006), section 11.1.4.
  void draw(const Mixture& m, int k, const RowRandom& random, const KernelTable& kernels,
            double* x) const override {
    const int d = m.n_features;
    for (int j = 0; j < d; ++j) x[j] = normal_quantile(random(j), kernels);
    m.layout().colour(m.factor(k), d, x);
    for (int j = 0; j < d; ++j) x[j] += m.mean(k)[j];
  }

  std::vector<double> bhattacharyya(const Mixture& a, int k, const Mixture& b,
                                    const KernelTable& kernels) const override {
    const std::size_t stride = a.layout().stride(a.n_features);
    Mixture between = b;  // the means of the two covariances
    for (std::size_t e = 0; e < between.covariances.size(); ++e)
      between.covariances[e] = 0.5 * (between.covariances[e] + a.covariance(k)[e % stride]);
    const std::vector<int> bad = factorise(between, kernels);
    if (!bad.empty())
      throw Error(ExitCode::numerical,
                  "the mean of the covariances of component " + std::to_string(k) + " of the first and " +
                      std::to_string(bad.front()) +
                      " of the second model cannot be factorised; enlarge their diagonals");
    std::vector<double> distances;
    for (int l = 0; l < b.n_components; ++l) {
      double squared = 0.0;
      for (const double y : between.whitened(l, a.mean(k))) squared += y * y;
      distances.push_back(0.125 * squared - between.log_det[l] + 0.5 * (a.log_det[k] + b.log_det[l]));
    }
    return distances;
  }

  void mean_coordinates(const Mixture& origin, int k, const double* mean, double* out) const override {
    std::vector<double> difference(mean, mean + origin.n_features);
    for (std::size_t j = 0; j < difference.size(); ++j) difference[j] -= origin.mean(k)[j];
    origin.layout().whiten(origin.factor(k), origin.n_features, difference.data(), out);
  }
  void move_mean(const Mixture& origin, int k, const double* chart, const double* x,
                 double* mean) const override {
    origin.layout().move_mean(chart, origin.factor(k), x, origin.n_features, mean);
  }
};

}  // namespace

std::unique_ptr<Component> make_gaussian() {
  return std::make_unique<Gaussian>();
}

}  // namespace gmmpi
