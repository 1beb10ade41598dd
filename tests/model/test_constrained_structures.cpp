// mclust's structures: each M-step is the maximum within its structure; linear maps make of it what it says.
// covers: src/model/constrained.cpp, src/model/structures/plane_rotation.cpp
// covers: src/model/structures/dense_algebra.cpp, src/model/structures/joint.cpp
// covers: src/model/structures/volumes.cpp, src/model/structures/eii.cpp, src/model/structures/eei.cpp
// covers: src/model/structures/vei.cpp, src/model/structures/evi.cpp, src/model/structures/vee.cpp
// covers: src/model/structures/eve.cpp, src/model/structures/vve.cpp, src/model/structures/eev.cpp
// covers: src/model/structures/vev.cpp, src/model/structures/evv.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "gmmpi/inference/conditional.hpp"
#include "gmmpi/inference/simulate.hpp"
#include "gmmpi/model/transformed_mixture.hpp"
#include "kernels/scatter.hpp"
#include "support/in_memory.hpp"
#include "support/structure_letters.hpp"

namespace {

using Eigen::MatrixXd;
using letters::Matrices;

const gmmpi::KernelTable& kernels() {
  return *in_memory::alone().kernels;
}

/// Scatters of drawn rows, as a structure is given them.
struct Drawn {
  int K, d;
  std::vector<double> counts, scatter;
  double total = 0.0;
  Matrices full;

  Drawn(const gmmpi::CovarianceStructure& structure, int K_, int d_, unsigned seed) : K(K_), d(d_) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    const bool pooled = structure.scatter_shape() == gmmpi::ScatterShape::pooled;
    for (int k = 0; k < K; ++k) {
      MatrixXd rows(d, 2 * d + 3 * k + 3);
      for (Eigen::Index i = 0; i < rows.rows(); ++i)
        for (Eigen::Index n = 0; n < rows.cols(); ++n)
          rows(i, n) = (1.0 + static_cast<double>((i + k) % 3)) * normal(generator);
      full.emplace_back(rows * rows.transpose());
      counts.push_back(static_cast<double>(rows.cols()));
      total += counts.back();
    }
    MatrixXd sum = MatrixXd::Zero(d, d);
    for (const MatrixXd& one : full) sum += one;
    for (const MatrixXd& one : pooled ? Matrices{sum} : full) add(structure.scatter_shape(), one);
  }

  void add(gmmpi::ScatterShape shape, const MatrixXd& one) {
    for (int i = 0; i < d; ++i)
      for (int j = i; j < (shape == gmmpi::ScatterShape::diagonal ? i + 1 : d); ++j)
        scatter.push_back(one(i, j));
  }

  gmmpi::CentralScatter moments() const { return {K, d, counts, total, scatter}; }
};

gmmpi::Mixture mixture_of(const gmmpi::CovarianceStructure& structure, int K, int d,
                          std::vector<double> covariances) {
  gmmpi::Mixture m;
  m.structure = &structure;
  m.n_components = K;
  m.n_features = d;
  m.weights.assign(K, 1.0 / K);
  m.means.assign(std::size_t(K) * d, 0.0);
  m.covariances = std::move(covariances);
  return m;
}

double violation_of(const gmmpi::Mixture& m) {
  return letters::violation(letters::covariances_of(m), m.structure->mclust_name());
}

}  // namespace

TEST_CASE("constrained structures: no move within the structure raises the expected log-likelihood",
          "[serial]") {
  std::mt19937 generator(5);
  std::normal_distribution<double> distribution;
  const auto normal = [&] { return distribution(generator); };
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures())
    for (const auto& [K, d] : {std::pair{1, 3}, {2, 1}, {3, 2}, {4, 5}, {5, 3}}) {
      INFO(structure->mclust_name() << ", K " << K << ", d " << d);
      const Drawn drawn(*structure, K, d, static_cast<unsigned>(100 * K + d));
      const gmmpi::Mixture m = mixture_of(*structure, K, d, structure->covariances(drawn.moments()));
      CHECK(violation_of(m) < 1e-12);
      const Matrices best = letters::covariances_of(m);
      const double most = letters::expected_log_likelihood(best, drawn.full, drawn.counts);
      for (const double size : {1e-1, 1e-2, 1e-3, 1e-4})
        for (int i = 0; i < 20; ++i) {
          const Matrices other = letters::moved(best, structure->mclust_name(), size, normal);
          CHECK(letters::violation(other, structure->mclust_name()) < 1e-9);
          const double there = letters::expected_log_likelihood(other, drawn.full, drawn.counts);
          CHECK(there <= most + 1e-11 * std::abs(most));
        }
    }
}

TEST_CASE("constrained structures: where the inner problem starts shows in the last digits only",
          "[serial]") {
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures()) {
    INFO(structure->mclust_name());
    const Drawn drawn(*structure, 4, 5, 1), other(*structure, 4, 5, 2);
    gmmpi::CentralScatter moments = drawn.moments();
    const std::vector<double> cold = structure->covariances(moments);
    moments.before = cold;
    const std::vector<double> again = structure->covariances(moments);
    for (std::size_t e = 0; e < cold.size(); ++e)
      CHECK(again[e] == Approx(cold[e]).epsilon(1e-12).margin(1e-13));
    const std::vector<double> far = structure->covariances(other.moments());
    moments.before = far;
    const Matrices found =
        letters::covariances_of(mixture_of(*structure, 4, 5, structure->covariances(moments)));
    const Matrices best = letters::covariances_of(mixture_of(*structure, 4, 5, cold));
    CHECK(letters::expected_log_likelihood(found, drawn.full, drawn.counts) <=
          letters::expected_log_likelihood(best, drawn.full, drawn.counts) + 1e-9);
  }
}

TEST_CASE("constrained structures: a common orientation is as good where a component is nearly flat",
          "[serial]") {
  std::mt19937 generator(6);
  std::normal_distribution<double> distribution;
  const auto normal = [&] { return distribution(generator); };
  for (const char* name : {"EVE", "VVE"})
    for (const double thickness : {1e-1, 1e-2, 1e-3}) {
      INFO(name << ", thickness " << thickness);
      const gmmpi::CovarianceStructure& structure = gmmpi::find_structure(name);
      Drawn drawn(structure, 4, 5, 12);
      drawn.scatter.clear();
      for (int k = 0; k < drawn.K; ++k) {
        const Eigen::VectorXd across = Eigen::VectorXd::Ones(5) + Eigen::VectorXd::Unit(5, k);
        const MatrixXd flatten =
            MatrixXd::Identity(5, 5) - (1.0 - thickness) / across.squaredNorm() * across * across.transpose();
        if (k % 2 == 1) drawn.full[k] = (flatten * drawn.full[k] * flatten).eval();
        drawn.add(structure.scatter_shape(), drawn.full[k]);
      }
      gmmpi::CentralScatter moments = drawn.moments();
      const std::vector<double> found = structure.covariances(moments);
      const Matrices best = letters::covariances_of(mixture_of(structure, 4, 5, found));
      const double most = letters::expected_log_likelihood(best, drawn.full, drawn.counts);
      for (const double size : {1e-2, 1e-3, 1e-4, 1e-5})
        for (int i = 0; i < 50; ++i) {
          const Matrices other = letters::moved(best, name, size, normal);
          CHECK(letters::expected_log_likelihood(other, drawn.full, drawn.counts) <=
                most + 1e-11 * std::abs(most));
        }
      moments.before = found;
      const std::vector<double> again = structure.covariances(moments);
      for (std::size_t e = 0; e < found.size(); ++e)
        CHECK(again[e] == Approx(found[e]).epsilon(1e-10).margin(1e-10));
    }
}

TEST_CASE("constrained structures: components without rows do not weigh on the others", "[serial]") {
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures()) {
    if (!structure->is_constrained()) continue;
    INFO(structure->name());
    const Drawn drawn(*structure, 3, 4, 3);
    const std::vector<double> wanted = structure->covariances(drawn.moments());
    Drawn more = drawn;  // an empty one between the first and the second
    more.K = 4;
    more.counts.insert(more.counts.begin() + 1, drawn.total);
    const std::size_t size = drawn.scatter.size() / 3, stride = wanted.size() / 3;
    more.scatter.insert(more.scatter.begin() + std::ptrdiff_t(size), size, 0.0);
    gmmpi::CentralScatter moments = more.moments();
    const std::vector<int> empty{1};
    moments.empty = empty;
    const std::vector<double> found = structure->covariances(moments);
    CHECK(in_memory::all_finite(found));
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t e = 0; e < stride; ++e)
        CHECK(found[(k == 0 ? 0 : k + 1) * stride + e] == Approx(wanted[k * stride + e]).epsilon(1e-12));
  }
}

TEST_CASE("constrained structures: what linear maps and projections leave of a structure holds", "[serial]") {
  gmmpi::Transform scaling{{0.5, 0.0, -1.0, 2.0}, {}, {2.0, 0.5, 1.5, 3.0}};
  gmmpi::Transform turning = scaling;
  const Eigen::MatrixXd turn =
      Eigen::HouseholderQR<MatrixXd>(
          MatrixXd((MatrixXd(4, 4) << 1, 2, 0, 1, 0, 1, 3, 1, 2, 0, 1, 1, 1, 1, 1, 0).finished()))
          .householderQ();
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) turning.components.push_back(turn(i, j));
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures()) {
    INFO(structure->name());
    const gmmpi::Mixture m = gmmpi::random_mixture({3, 4, structure, 2.0, 5, 11}, kernels());
    CHECK(violation_of(m) < 1e-12);
    const std::vector<int> keep{2, 0};
    const gmmpi::Mixture marginal = gmmpi::marginal(m, keep, kernels());
    CHECK(marginal.structure == &structure->after_projection());
    CHECK(violation_of(marginal) < 1e-12);
    const std::vector<double> values{0.3, -0.2};
    const gmmpi::Mixture rest = gmmpi::condition(m, keep, values, kernels()).mixture;
    CHECK(rest.structure == &structure->after_projection());
    CHECK(violation_of(rest) < 1e-12);
    const gmmpi::Mixture scaled = gmmpi::mixture_after(m, scaling, kernels());
    CHECK(scaled.structure == &structure->after_scaling());
    CHECK(violation_of(scaled) < 1e-12);
    const gmmpi::Mixture turned = gmmpi::mixture_after(m, turning, kernels());
    CHECK(turned.structure == &structure->after_map());
    CHECK(violation_of(turned) < 1e-12);
    const std::vector<int> order{3, 1, 0, 2};
    CHECK(gmmpi::reordered(m, order, kernels()).structure == structure);
  }
}

TEST_CASE("constrained structures: singular scatters give finite covariances, marked with a floor",
          "[serial]") {
  const int K = 3, d = 3;
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures()) {
    if (!structure->is_constrained()) continue;
    for (const char* what :
         {"a column without variance", "a component that is a point", "nothing but points"}) {
      Drawn drawn(*structure, K, d, 7);
      drawn.scatter.clear();
      for (int k = 0; k < K; ++k) {
        MatrixXd& W = drawn.full[k];
        if (what[2] == 'c' && what[4] == 'l' && k == 1) W.row(1).setZero(), W.col(1).setZero();
        if ((what[4] == 'm' && k == 1) || what[0] == 'n') W.setZero();
        drawn.add(structure->scatter_shape(), W);
      }
      INFO(structure->name() << ", " << what);
      const std::vector<double> floor{1e-12, 2e-12, 1e-11};
      gmmpi::CentralScatter moments = drawn.moments();
      CHECK(in_memory::all_finite(structure->covariances(moments)));
      std::vector<int> raised;
      moments.floor = floor;
      moments.raised = &raised;
      CHECK(in_memory::all_finite(structure->covariances(moments)));
      const std::string name(structure->name());
      const bool own_shape = name[1] == 'V';
      if (what[4] == 'l' && own_shape) CHECK(raised == std::vector<int>{1});
      if (what[4] == 'm' && (name[0] == 'V' || own_shape)) CHECK(raised == std::vector<int>{1});
    }
  }
}

TEST_CASE("structures: mclust's names, in either case, are those of scikit-learn, too", "[serial]") {
  const auto all = gmmpi::covariance_structures();
  std::string names;
  for (const gmmpi::CovarianceStructure* structure : all)
    names += std::string(structure->mclust_name()) + " ";
  CHECK(names == "EII VII EEI VEI EVI VVI EEE VEE EVE VVE EEV VEV EVV VVV ");
  CHECK(&gmmpi::find_structure("VVV") == &gmmpi::find_structure("full"));
  CHECK(&gmmpi::find_structure("EEE") == &gmmpi::find_structure("tied"));
  CHECK(&gmmpi::find_structure("vvi") == &gmmpi::find_structure("diag"));
  CHECK(&gmmpi::find_structure("V") == &gmmpi::find_structure("spherical"));
  CHECK(gmmpi::find_structure("E").name() == "EII");
  CHECK(gmmpi::find_structure("vev").name() == "VEV");
}
