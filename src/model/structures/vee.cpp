// vee: multiples of one covariance matrix (mclust's VEE).
#include "model/structures/joint.hpp"
#include "model/structures/volumes.hpp"

namespace gmmpi {

namespace {

class Vee final : public JointStructure {
 public:
  std::string_view name() const override { return "VEE"; }
  const CovarianceLayout& layout() const override { return gmmpi::matrices(); }
  ScatterShape scatter_shape() const override { return ScatterShape::full; }
  bool extrapolates() const override { return false; }
  int rows_needed(int) const override { return 2; }
  std::int64_t n_covariance_parameters(int K, int d) const override {
    return n_volumes(false, K) + d - 1 + n_angles(d);
  }

 protected:
  std::vector<double> maximise(const CentralScatter& m) const override {
    const std::vector<std::vector<double>> W = full_scatters_of_some_size(m);
    const SharedShape found = shared_shape_of_matrices(m, W, scales_before(m, false));
    std::vector<double> out;
    for (const double scale : found.scale)
      for (const double entry : found.shape) out.push_back(scale * entry);
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_vee() {
  return std::make_unique<Vee>();
}

}  // namespace gmmpi
