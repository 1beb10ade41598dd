// exchangeable: in each component all columns have one variance, and all pairs of columns one covariance.
#include <gmmpi/model/covariance_structure.hpp>
#include <memory>

namespace gmmpi {

namespace {

class Exchangeable final : public CovarianceStructure {
 public:
  std::string_view name() const override { return "exchangeable"; }
  const CovarianceLayout& layout() const override { return matrices(); }
  ScatterShape scatter_shape() const override { return ScatterShape::full; }
  std::int64_t n_covariance_parameters(int K, int d) const override { return d > 1 ? 2 * K : K; }
  bool extrapolates() const override { return false; }
  const CovarianceStructure& after_scaling() const override { return find_structure("full"); }
  const CovarianceStructure& after_map() const override { return find_structure("full"); }

  /// Means of the diagonal and of the other entries of W_k / N_k.
  std::vector<double> covariances(const CentralScatter& m) const override {
    const int d = m.n_features;
    const MomentLayout scatter{m.n_components, d, scatter_shape()};
    std::vector<double> out;
    for (int k = 0; k < m.n_components; ++k) {
      double variance = 0.0, covariance = 0.0;
      scatter.for_each_entry(k, [&](int i, int j, std::int64_t place) {
        (i == j ? variance : covariance) += m.scatter[place] / m.counts[k];
      });
      variance /= d;
      covariance /= d > 1 ? 0.5 * d * (d - 1) : 1.0;
      for (int i = 0; i < d; ++i)
        for (int j = 0; j < d; ++j) out.push_back(i == j ? variance : covariance);
    }
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_exchangeable() {
  return std::make_unique<Exchangeable>();
}

}  // namespace gmmpi
