// eve: one orientation and one volume for all, shapes of their own (mclust's EVE).
#include "model/structures/joint.hpp"
#include "model/structures/oriented.hpp"

namespace gmmpi {

namespace {

class Eve final : public JointStructure {
 public:
  std::string_view name() const override { return "EVE"; }
  const CovarianceLayout& layout() const override { return gmmpi::matrices(); }
  ScatterShape scatter_shape() const override { return ScatterShape::full; }
  std::int64_t n_covariance_parameters(int K, int d) const override {
    return 1 + std::int64_t{K} * (d - 1) + n_angles(d);
  }
  bool extrapolates() const override { return false; }
  const CovarianceStructure& after_projection() const override { return find_structure("full"); }
  const CovarianceStructure& after_scaling() const override { return find_structure("EVV"); }
  const CovarianceStructure& after_map() const override { return find_structure("EVV"); }

 protected:
  std::vector<double> maximise(const CentralScatter& m) const override {
    CommonOrientation found = oriented_scatters(m, OrientationRule::volume);
    equalise_volumes(m, found.variances);
    return covariances_of_axes(m, found);
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_eve() {
  return std::make_unique<Eve>();
}

}  // namespace gmmpi
