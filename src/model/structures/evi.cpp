// evi: each component has its own variances, their product is the same for all (mclust's EVI).
#include "model/structures/oriented.hpp"

namespace gmmpi {

namespace {

class Evi final : public JointStructure {
 public:
  std::string_view name() const override { return "EVI"; }
  const CovarianceLayout& layout() const override { return gmmpi::variances(); }
  ScatterShape scatter_shape() const override { return ScatterShape::diagonal; }
  std::int64_t n_covariance_parameters(int K, int d) const override { return 1 + std::int64_t{K} * (d - 1); }
  const CovarianceStructure& after_projection() const override { return find_structure("diag"); }
  const CovarianceStructure& after_map() const override { return find_structure("EVV"); }

 protected:
  /// lambda A_k with A_k = diag W_k / h_k, h_k = det(diag W_k)^(1/d), lambda = sum_k h_k / n.
  std::vector<double> maximise(const CentralScatter& m) const override {
    std::vector<double> out = scatters_above_floor(m);
    equalise_volumes(m, out);
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_evi() {
  return std::make_unique<Evi>();
}

}  // namespace gmmpi
