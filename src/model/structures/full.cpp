// full: every component has its own covariance matrix (mclust's VVV). Bishop (2006), eq. 9.25.
#include "gmmpi/model/covariance_structure.hpp"
#include "model/symmetric.hpp"

namespace gmmpi {

namespace {

class Full final : public CovarianceStructure {
 public:
  std::string_view name() const override { return "full"; }
  std::string_view mclust_name() const override { return "VVV"; }
  const CovarianceLayout& layout() const override { return gmmpi::matrices(); }
  bool pools() const override { return false; }
  ScatterShape scatter_shape() const override { return ScatterShape::full; }
  std::int64_t n_covariance_parameters(int K, int d) const override {
    return std::int64_t{K} * d * (d + 1) / 2;
  }

  std::vector<double> covariances(const CentralScatter& m) const override {
    std::vector<double> out;
    out.reserve(std::size_t(m.n_components) * m.n_features * m.n_features);
    for (int k = 0; k < m.n_components; ++k) append_symmetric(m, k, m.counts[k], out);
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_full() {
  return std::make_unique<Full>();
}

}  // namespace gmmpi
