// eei: all components share one variance for each column (mclust's EEI).
#include "gmmpi/model/covariance_structure.hpp"

namespace gmmpi {

namespace {

class Eei final : public CovarianceStructure {
 public:
  std::string_view name() const override { return "EEI"; }
  const CovarianceLayout& layout() const override { return gmmpi::variances(); }
  ScatterShape scatter_shape() const override { return ScatterShape::diagonal; }
  bool has_one_covariance() const override { return true; }
  std::int64_t n_covariance_parameters(int, int d) const override { return d; }
  const CovarianceStructure& after_map() const override { return find_structure("tied"); }

  std::vector<double> covariances(const CentralScatter& m) const override {
    std::vector<double> shared(m.n_features), out;
    for (std::size_t e = 0; e < m.scatter.size(); ++e) shared[e % shared.size()] += m.scatter[e];
    for (double& variance : shared) variance /= m.total_weight;
    for (int k = 0; k < m.n_components; ++k) out.insert(out.end(), shared.begin(), shared.end());
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_eei() {
  return std::make_unique<Eei>();
}

}  // namespace gmmpi
