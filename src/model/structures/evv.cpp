// evv: each component has its own covariance matrix, their determinants are the same (mclust's EVV).
#include "model/structures/joint.hpp"

namespace gmmpi {

namespace {

class Evv final : public JointStructure {
 public:
  std::string_view name() const override { return "EVV"; }
  const CovarianceLayout& layout() const override { return gmmpi::matrices(); }
  ScatterShape scatter_shape() const override { return ScatterShape::full; }
  std::int64_t n_covariance_parameters(int K, int d) const override {
    return 1 + std::int64_t{K} * (d * (d + 1) / 2 - 1);
  }
  const CovarianceStructure& after_projection() const override { return find_structure("full"); }

 protected:
  /// lambda W_k / h_k with h_k = |W_k|^(1/d), lambda = sum_k h_k / n; a singular W_k gives W_k / N_k.
  std::vector<double> maximise(const CentralScatter& m) const override {
    const int d = m.n_features;
    const std::vector<std::vector<double>> W = full_scatters_above_floor(m);
    std::vector<double> volumes, out;
    double sum = 0.0;
    for (const std::vector<double>& one : W) {
      const std::vector<double> L = cholesky_factor(one, d);
      double log = 0.0;
      for (int j = 0; j < d && !L.empty(); ++j) log += 2.0 * log_of(L[std::size_t(j) * (d + 1)], *m.kernels);
      sum += volumes.emplace_back(L.empty() ? 0.0 : exp_of(log / d, *m.kernels));
    }
    for (int k = 0; k < m.n_components; ++k)
      for (const double entry : W[k])
        out.push_back(volumes[k] > 0.0 ? entry / volumes[k] * (sum / m.total_weight) : entry / m.counts[k]);
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_evv() {
  return std::make_unique<Evv>();
}

}  // namespace gmmpi
