// eii: all components share one variance (mclust's EII).
#include "gmmpi/model/covariance_structure.hpp"

namespace gmmpi {

namespace {

class Eii final : public CovarianceStructure {
 public:
  std::string_view name() const override { return "EII"; }
  const CovarianceLayout& layout() const override { return gmmpi::single_variances(); }
  ScatterShape scatter_shape() const override { return ScatterShape::diagonal; }
  bool has_one_covariance() const override { return true; }
  std::int64_t n_covariance_parameters(int, int) const override { return 1; }
  const CovarianceStructure& after_scaling() const override { return find_structure("EEI"); }
  const CovarianceStructure& after_map() const override { return find_structure("tied"); }

  std::vector<double> covariances(const CentralScatter& m) const override {
    double sum = 0.0;
    for (const double entry : m.scatter) sum += entry;
    return std::vector<double>(m.n_components, sum / (m.total_weight * m.n_features));
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_eii() {
  return std::make_unique<Eii>();
}

}  // namespace gmmpi
