// none: components that have no covariances.
#include "gmmpi/model/covariance_structure.hpp"

namespace gmmpi {

namespace {

class None final : public CovarianceStructure {
 public:
  std::string_view name() const override { return "none"; }
  const CovarianceLayout& layout() const override { return no_covariances(); }
  ScatterShape scatter_shape() const override { return ScatterShape::none; }
  bool pools() const override { return false; }
  std::int64_t n_covariance_parameters(int, int) const override { return 0; }
  std::vector<double> covariances(const CentralScatter&) const override { return {}; }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_no_structure() {
  return std::make_unique<None>();
}

}  // namespace gmmpi
