// eev: one volume and one shape for all, orientations of their own (mclust's EEV).
#include "model/structures/joint.hpp"
#include "model/structures/oriented.hpp"

namespace gmmpi {

namespace {

class Eev final : public JointStructure {
 public:
  std::string_view name() const override { return "EEV"; }
  const CovarianceLayout& layout() const override { return gmmpi::matrices(); }
  ScatterShape scatter_shape() const override { return ScatterShape::full; }
  int rows_needed(int) const override { return 2; }
  std::int64_t n_covariance_parameters(int K, int d) const override { return d + K * n_angles(d); }
  bool extrapolates() const override { return false; }
  const CovarianceStructure& after_projection() const override { return find_structure("full"); }
  const CovarianceStructure& after_scaling() const override { return find_structure("EVV"); }
  const CovarianceStructure& after_map() const override { return find_structure("EVV"); }

 protected:
  /// The eigenvectors of each W_k, and the sums of the eigenvalues of one rank, over n.
  std::vector<double> maximise(const CentralScatter& m) const override {
    const SortedScatters sorted = sorted_scatters(m);
    std::vector<double> shared(m.n_features), out;
    for (std::size_t e = 0; e < sorted.values.size(); ++e) shared[e % shared.size()] += sorted.values[e];
    for (double& value : shared) value /= m.total_weight;
    for (const std::vector<double>& axes : sorted.axes) append_from_axes(axes, shared, out);
    return out;
  }
};

}  // namespace

std::unique_ptr<CovarianceStructure> make_eev() {
  return std::make_unique<Eev>();
}

}  // namespace gmmpi
