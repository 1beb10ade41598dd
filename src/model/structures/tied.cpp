// tied: all components share one covariance matrix (mclust's EEE). Bishop (2006), exercise 9.6.
#include "gmmpi/model/covariance_structure.hpp"
#include "model/symmetric.hpp"

namespace gmmpi {

namespace {

class Tied final : public CovarianceStructure {
 public:
  std::string_view name() const override { return "tied"; }
  std::string_view mclust_name() const override { return "EEE"; }
  const CovarianceLayout& layout() const override { return gmmpi::shared_matrix(); }
  ScatterShape scatter_shape() const override { return ScatterShape::pooled; }
  std::int64_t n_covariance_parameters(int, int d) const override { return std::int64_t{d} * (d + 1) / 2; }

  std::vector<double> covariances(const CentralScatter& m) const override {
    std::vector<double> out;
    append_symmetric(m, 0, m.total_weight, out);
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_tied() {
  return std::make_unique<Tied>();
}

}  // namespace gmmpi
