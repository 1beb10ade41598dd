// vev: one shape for all, volumes and orientations of their own (mclust's VEV).
#include "model/structures/joint.hpp"
#include "model/structures/oriented.hpp"
#include "model/structures/volumes.hpp"

namespace gmmpi {

namespace {

class Vev final : public JointStructure {
 public:
  std::string_view name() const override { return "VEV"; }
  const CovarianceLayout& layout() const override { return gmmpi::matrices(); }
  ScatterShape scatter_shape() const override { return ScatterShape::full; }
  int rows_needed(int) const override { return 2; }
  std::int64_t n_covariance_parameters(int K, int d) const override {
    return n_volumes(false, K) + d - 1 + K * n_angles(d);
  }
  bool extrapolates() const override { return false; }
  const CovarianceStructure& after_projection() const override { return find_structure("full"); }
  const CovarianceStructure& after_scaling() const override { return find_structure("full"); }
  const CovarianceStructure& after_map() const override { return find_structure("full"); }

 protected:
  /// The eigenvectors of each W_k; volumes and shape are those of VEI for the sorted eigenvalues.
  std::vector<double> maximise(const CentralScatter& m) const override {
    const SortedScatters sorted = sorted_scatters(m);
    CentralScatter eigenvalues = m;
    eigenvalues.scatter = sorted.values;
    eigenvalues.floor = sorted.floor;
    const SharedShape found =
        shared_shape_of_diagonals(m, scatters_of_some_size(eigenvalues), scales_before(m, false));
    std::vector<double> out;
    for (int k = 0; k < m.n_components; ++k) {
      std::vector<double> values = found.shape;
      for (double& value : values) value *= found.scale[k];
      append_from_axes(sorted.axes[k], values, out);
    }
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_vev() {
  return std::make_unique<Vev>();
}

}  // namespace gmmpi
