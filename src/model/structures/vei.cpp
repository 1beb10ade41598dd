// vei: variances in the same proportions, of its own volume in each component (mclust's VEI).
#include "model/structures/joint.hpp"
#include "model/structures/volumes.hpp"

namespace gmmpi {

namespace {

class Vei final : public JointStructure {
 public:
  std::string_view name() const override { return "VEI"; }
  const CovarianceLayout& layout() const override { return gmmpi::variances(); }
  ScatterShape scatter_shape() const override { return ScatterShape::diagonal; }
  std::int64_t n_covariance_parameters(int K, int d) const override { return n_volumes(false, K) + d - 1; }
  const CovarianceStructure& after_map() const override { return find_structure("VEE"); }

 protected:
  std::vector<double> maximise(const CentralScatter& m) const override {
    const SharedShape found = shared_shape_of_diagonals(m, scatters_of_some_size(m), scales_before(m, true));
    std::vector<double> out;
    for (const double scale : found.scale)
      for (const double variance : found.shape) out.push_back(scale * variance);
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_vei() {
  return std::make_unique<Vei>();
}

}  // namespace gmmpi
