// The search for a common orientation ends where no turn helps; no M-step takes less than there was.
// covers: src/model/structures/newton_turn.cpp, src/model/structures/oriented.cpp
#include "model/structures/common_orientation.hpp"

#include <Eigen/Dense>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "model/structures/oriented.hpp"
#include "support/in_memory.hpp"

namespace {

using Eigen::MatrixXd;
using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using gmmpi::CommonOrientation;
using gmmpi::OrientationRule;
using gmmpi::OrientationSearch;

const gmmpi::KernelTable& kernels() {
  return *in_memory::alone().kernels;
}

std::vector<double> entries(const MatrixXd& m) {
  const Rows rows = m;
  return {rows.data(), rows.data() + rows.size()};
}

/// K scatters (d, d) in axes of their own, with eigenvalues from 10^-decades to 1.
std::vector<std::vector<double>> thin_scatters(int K, int d, double decades, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<std::vector<double>> out;
  for (int k = 0; k < K; ++k) {
    const MatrixXd any = MatrixXd::NullaryExpr(d, d, [&] { return normal(generator); });
    const MatrixXd axes = Eigen::HouseholderQR<MatrixXd>(any).householderQ();
    const Eigen::VectorXd values =
        Eigen::VectorXd::NullaryExpr(d, [&] { return std::pow(10.0, -decades * uniform(generator)); });
    const MatrixXd one = axes * values.asDiagonal() * axes.transpose();
    out.push_back(entries(0.5 * (one + one.transpose())));
  }
  return out;
}

/// The largest derivative of the objective, by the angle of a plane: with M_k = D^T W_k D it is
/// 2 sum_k w_k (M_k)_ij (1 / g_ki - 1 / g_kj), w_k = N_k, or under the other rule v_k / d.
double steepest(const std::vector<std::vector<double>>& W, const std::vector<double>& counts,
                const std::vector<double>& axes, OrientationRule rule) {
  const auto d = static_cast<Eigen::Index>(std::sqrt(axes.size()));
  const Eigen::Map<const Rows> D(axes.data(), d, d);
  MatrixXd slopes = MatrixXd::Zero(d, d);
  for (std::size_t k = 0; k < W.size(); ++k) {
    const MatrixXd M = D * Eigen::Map<const Rows>(W[k].data(), d, d) * D.transpose();
    const Eigen::ArrayXd g = M.diagonal();
    const double weight =
        rule == OrientationRule::log_det ? counts[k] : std::exp(g.log().mean()) / static_cast<double>(d);
    for (Eigen::Index i = 0; i < d; ++i)
      for (Eigen::Index j = 0; j < i; ++j) slopes(i, j) += 2.0 * weight * M(i, j) * (1.0 / g[i] - 1.0 / g[j]);
  }
  return slopes.cwiseAbs().maxCoeff();
}

}  // namespace

TEST_CASE("common_orientation: the search ends where no plane's turn helps, however thin the scatters",
          "[serial]") {
  for (const OrientationRule rule : {OrientationRule::log_det, OrientationRule::volume})
    for (const int K : {2, 3, 6})
      for (const double decades : {2.0, 4.0})
        for (unsigned seed = 1; seed <= 8; ++seed) {
          INFO("K " << K << ", decades " << decades << ", seed " << seed);
          const auto W = thin_scatters(K, 5, decades, 1000 * seed + static_cast<unsigned>(K));
          const std::vector<double> counts(K, 10.0);
          const OrientationSearch search(W, counts, 5, rule, kernels());
          const CommonOrientation found = search.from_anywhere();
          const double size = rule == OrientationRule::log_det ? 10.0 * K : 1.0 * K;
          CHECK(steepest(W, counts, found.axes, rule) < 1e-9 * size);
        }
}

TEST_CASE("common_orientation: an M-step that found less leaves the covariances of before", "[serial]") {
  const int K = 3, d = 4;
  const auto W = thin_scatters(K, d, 1.0, 7);
  const std::vector<double> counts{8.0, 12.0, 10.0};
  std::vector<double> scatter;
  for (const std::vector<double>& one : W)
    for (int i = 0; i < d; ++i)
      for (int j = i; j < d; ++j) scatter.push_back(one[i * d + j]);
  gmmpi::CentralScatter m{K, d, counts, 30.0, scatter};
  m.kernels = &kernels();
  const auto as_variances = [&](CommonOrientation of) {
    for (std::size_t e = 0; e < of.variances.size(); ++e) of.variances[e] /= counts[e / d];
    return of;
  };
  const OrientationSearch search(W, counts, d, OrientationRule::log_det, kernels());
  const CommonOrientation best = as_variances(search.from_anywhere());
  CommonOrientation poor{entries(MatrixXd::Identity(d, d)), {}};
  for (const std::vector<double>& one : W)
    for (int j = 0; j < d; ++j) poor.variances.push_back(one[j * (d + 1)]);
  poor = as_variances(poor);
  const std::vector<double> of_best = covariances_of_axes(m, best), of_poor = covariances_of_axes(m, poor);
  CHECK(of_best != of_poor);
  m.before = of_best;
  CHECK(covariances_of_axes(m, poor) == of_best);
  CHECK(covariances_of_axes(m, best) == of_best);
  m.before = of_poor;
  CHECK(covariances_of_axes(m, best) == of_best);
}
