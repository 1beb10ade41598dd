// bernoulli: independent binary columns, whose means are their probabilities of 1. Bishop (2006),
// section 9.3.3.
#include "model/structures/structures.hpp"

namespace gmmpi {

namespace {

class Bernoulli final : public CovarianceStructure {
 public:
  std::string_view name() const override { return "bernoulli"; }
  std::string_view distribution() const override { return "bernoulli"; }
  PrecisionShape precision_shape() const override { return PrecisionShape::none; }
  ScatterShape scatter_shape() const override { return ScatterShape::none; }
  std::int64_t n_covariance_parameters(int, int) const override { return 0; }
  std::vector<double> covariances(const CentralScatter&) const override { return {}; }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_bernoulli() {
  return std::make_unique<Bernoulli>();
}

}  // namespace gmmpi
