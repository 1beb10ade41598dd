// spherical: every component has one variance, the mean of those of its columns (mclust's VII).
#include "gmmpi/model/covariance_structure.hpp"

namespace gmmpi {

namespace {

class Spherical final : public CovarianceStructure {
 public:
  std::string_view name() const override { return "spherical"; }
  std::string_view mclust_name() const override { return "VII"; }
  const CovarianceLayout& layout() const override { return gmmpi::single_variances(); }
  bool pools() const override { return false; }
  ScatterShape scatter_shape() const override { return ScatterShape::diagonal; }
  std::int64_t n_covariance_parameters(int K, int) const override { return K; }

  std::vector<double> covariances(const CentralScatter& m) const override {
    std::vector<double> out(m.n_components);
    for (std::size_t e = 0; e < m.scatter.size(); ++e) out[e / m.n_features] += m.scatter[e];
    for (int k = 0; k < m.n_components; ++k) out[k] /= m.counts[k] * m.n_features;
    return out;
  }

  const CovarianceStructure& after_scaling() const override { return find_structure("diag"); }
  const CovarianceStructure& after_map() const override { return find_structure("full"); }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_spherical() {
  return std::make_unique<Spherical>();
}

}  // namespace gmmpi
