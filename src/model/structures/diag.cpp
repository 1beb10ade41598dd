// diag: every component has its own variance for each column (mclust's VVI).
#include "gmmpi/model/covariance_structure.hpp"

namespace gmmpi {

namespace {

class Diag final : public CovarianceStructure {
 public:
  std::string_view name() const override { return "diag"; }
  std::string_view mclust_name() const override { return "VVI"; }
  const CovarianceLayout& layout() const override { return gmmpi::variances(); }
  bool pools() const override { return false; }
  ScatterShape scatter_shape() const override { return ScatterShape::diagonal; }
  std::int64_t n_covariance_parameters(int K, int d) const override { return std::int64_t{K} * d; }

  std::vector<double> covariances(const CentralScatter& m) const override {
    std::vector<double> out(m.scatter.begin(), m.scatter.end());
    for (std::size_t e = 0; e < out.size(); ++e) out[e] /= m.counts[e / m.n_features];
    return out;
  }

  const CovarianceStructure& after_map() const override { return find_structure("full"); }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_diag() {
  return std::make_unique<Diag>();
}

}  // namespace gmmpi
