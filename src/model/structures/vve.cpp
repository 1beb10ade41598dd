// vve: one orientation for all, volumes and shapes of their own (mclust's VVE).
#include "model/structures/joint.hpp"
#include "model/structures/oriented.hpp"

namespace gmmpi {

namespace {

class Vve final : public JointStructure {
 public:
  std::string_view name() const override { return "VVE"; }
  const CovarianceLayout& layout() const override { return gmmpi::matrices(); }
  ScatterShape scatter_shape() const override { return ScatterShape::full; }
  std::int64_t n_covariance_parameters(int K, int d) const override {
    return std::int64_t{K} * d + n_angles(d);
  }
  bool extrapolates() const override { return false; }
  const CovarianceStructure& after_projection() const override { return find_structure("full"); }
  const CovarianceStructure& after_scaling() const override { return find_structure("full"); }
  const CovarianceStructure& after_map() const override { return find_structure("full"); }

 protected:
  std::vector<double> maximise(const CentralScatter& m) const override {
    CommonOrientation found = oriented_scatters(m, OrientationRule::log_det);
    for (std::size_t e = 0; e < found.variances.size(); ++e) found.variances[e] /= m.counts[e / m.n_features];
    return covariances_of_axes(m, found);
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_vve() {
  return std::make_unique<Vve>();
}

}  // namespace gmmpi
