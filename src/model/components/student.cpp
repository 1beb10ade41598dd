// student: the multivariate t of scale matrix Sigma_k and nu_k degrees of freedom. Peel & McLachlan,
// Statistics and Computing 10 (2000).
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gmmpi/error.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/model/prepared.hpp"
#include "kernels/table.hpp"
#include "model/gamma_draw.hpp"
#include "model/gamma_functions.hpp"
#include "model/normal_quantile.hpp"
#include "model/student_dof.hpp"
#include "model/student_tail.hpp"

namespace gmmpi {

namespace {

constexpr double kLeastGiven = 1e-3, kMostGiven = 1e9;
constexpr double kStart = 10.0;
/// |ln u - u + 1| is below this and the largest u, for squared distances up to the kernels' cap.
constexpr double kMostLog = 710.0;

/// Every row of a component has a weight of its own, u = (nu + d)/(nu + q): the expected precision of the
/// normal distribution that it is drawn from.
class PreparedStudent final : public Prepared {
 public:
  PreparedStudent(const Mixture& m, const KernelTable& kernels)
      : Prepared(m, m.layout().distances(m, kernels), constants(m, kernels), kernels),
        d_(m.n_features),
        dof_(m.own.begin(), m.own.end()) {}

  bool can_prune() const override { return false; }
  void log_joint(const KernelTable& kernels, double* values) const override {
    kernels.student_log_joint(static_cast<int>(dof_.size()), d_, Prepared::constants(), dof_.data(), values);
  }
  std::optional<OwnSums> own_sums() const override {
    const double least = *std::ranges::min_element(dof_), largest = (least + d_) / least * 1.0001;
    return OwnSums{largest, {kMostLog + largest}};
  }
  void weigh(const KernelTable& kernels, const double* distances, double* gamma, double* own) const override {
    for (std::size_t k = 0; k < dof_.size(); ++k)
      kernels.student_weights(d_, dof_[k], distances + k * kTile, gamma + k * kTile, own + k * kTile);
  }

 private:
  static AlignedDoubles constants(const Mixture& m, const KernelTable& kernels) {
    AlignedDoubles out;
    for (int k = 0; k < m.n_components; ++k)
      out.push_back(m.log_det[k] + student_log_peak(m.own[k], m.n_features, kernels) + m.log_volume);
    return out;
  }

  int d_;
  AlignedDoubles dof_;
};

class Student final : public Component {
 public:
  std::string_view name() const override { return "student"; }
  std::string_view title() const override { return "Student t"; }
  bool has_prior() const override { return false; }
  bool has_local_coordinates() const override { return false; }
  bool has_overlap() const override { return false; }
  bool is_closed_form() const override { return false; }

  std::string_view own_name() const override { return "dof"; }
  std::string_view matrices_name() const override { return "scales"; }
  double own_at_start() const override { return kStart; }
  void validate_own(double dof) const override {
    if (!(dof >= kLeastGiven && dof <= kMostGiven))
      throw Error(ExitCode::usage,
                  "degrees of freedom must lie between 0.001 and 1e9; for more take Gaussian components");
  }

  /// Covariances exist from more than 2 degrees of freedom on.
  std::vector<double> covariance(const Mixture& m, int k) const override {
    std::vector<double> full(std::size_t(m.n_features) * m.n_features);
    m.layout().to_full(m.covariance(k), m.n_features, full.data());
    const double nu = m.own[k];
    for (double& entry : full)
      if (entry != 0.0)
        entry = nu > 2.0 ? entry * (nu / (nu - 2.0))
                         : std::copysign(std::numeric_limits<double>::infinity(), entry);
    return full;
  }
  double distance_quantile(const Mixture& m, int k, double p, const KernelTable& kernels) const override {
    return student_distance_quantile(p, m.n_features, m.own[k], kernels);
  }
  std::unique_ptr<Prepared> prepare(const Mixture& m, const KernelTable& kernels) const override {
    return std::make_unique<PreparedStudent>(m, kernels);
  }

  /// With this E-step's u and the degrees of freedom that it had.
  void maximise_own(Sharing sharing, std::span<const double> counts, std::span<const double> excess,
                    int n_features, const KernelTable& kernels, std::span<double> dof) const override {
    if (sharing == Sharing::shared) {
      const double rows = std::accumulate(counts.begin(), counts.end(), 0.0);
      const double sum = std::accumulate(excess.begin(), excess.end(), 0.0);
      if (rows > 0.0) std::ranges::fill(dof, solve_dof(sum / rows, dof[0], n_features, kernels));
      return;
    }
    for (std::size_t k = 0; k < dof.size(); ++k)
      if (counts[k] > 0.0) dof[k] = solve_dof(excess[k] / counts[k], dof[k], n_features, kernels);
  }

  /// x = mu + U^-T z sqrt(nu / chi^2_nu).
  void draw(const Mixture& m, int k, const RowRandom& random, const KernelTable& kernels,
            double* x) const override {
    const int d = m.n_features;
    const double half = 0.5 * m.own[k];
    const double stretch = std::sqrt(half / gamma_draw(half, random, d, kernels));
    for (int j = 0; j < d; ++j) x[j] = normal_quantile(random(j), kernels);
    m.layout().colour(m.factor(k), d, x);
    for (int j = 0; j < d; ++j) x[j] = m.mean(k)[j] + stretch * x[j];
  }

  /// solve_dof takes the expected logarithm of a row's weight by all columns.
  double own_of_missing(int, double dof, int n_observed, int n_features,
                        const KernelTable& kernels) const override {
    return log_minus_digamma(0.5 * (dof + n_features), kernels) -
           log_minus_digamma(0.5 * (dof + n_observed), kernels);
  }

  double own_given(double dof, int n_given) const override { return dof + n_given; }
  double stretch_given(double dof, int n_given, double squared) const override {
    return (dof + squared) / (dof + n_given);
  }

  /// There is no formula: those of normal distributions of these centres and scales, to match components by.
  std::vector<double> bhattacharyya(const Mixture& a, int k, const Mixture& b,
                                    const KernelTable& kernels) const override {
    return find_component("gaussian").bhattacharyya(a, k, b, kernels);
  }
  void mean_coordinates(const Mixture&, int, const double*, double*) const override {}
  void move_mean(const Mixture&, int, const double*, const double*, double*) const override {}
};

}  // namespace

std::unique_ptr<Component> make_student() {
  return std::make_unique<Student>();
}

}  // namespace gmmpi
