// RowwiseDensity: what it says of rows that a tile does not have.
#include "model/rowwise_density.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "support/in_memory.hpp"

namespace {

using namespace gmmpi;

Mixture standard_normals(int K, int d) {
  Mixture m;
  m.structure = &find_structure("full");
  m.n_components = K;
  m.n_features = d;
  m.weights.assign(K, 1.0 / K);
  for (int k = 0; k < K; ++k)
    for (int i = 0; i < d; ++i) {
      m.means.push_back(k);
      for (int j = 0; j < d; ++j) m.covariances.push_back(i == j ? 1.0 : 0.25);
    }
  REQUIRE(factorise(m, select_kernels()).empty());
  return m;
}

/// What earlier calls may leave where the next one has its arrays.
[[gnu::noinline]] void leave_behind(double value) {
  volatile double stack[8 * kTile];
  for (volatile double& place : stack) place = value;
}

}  // namespace

TEST_CASE("RowwiseDensity: rows beyond a tile's end have finite log joints, whatever was there", "[serial]") {
  for (const int d : {3, 9, 12, 70})
    for (const int n_rows : {1, 5, kTile - 1}) {
      const Mixture m = standard_normals(2, d);
      const RowwiseDensity density(m, select_kernels());
      std::vector<double> x(std::size_t(n_rows) * d, 0.5);
      for (int r = 0; r < n_rows; ++r) x[std::size_t(r) * d + r % d] = std::nan("");
      Block block;
      block.n_rows = n_rows;
      block.rows = static_cast<const double*>(x.data());
      block.rowwise = true;
      Tile tile(d, select_kernels());
      tile.load(block, 0);
      for (const double left : {std::nan(""), double{INFINITY}, 1e300}) {
        std::vector<double> log_joint(std::size_t(2) * kTile);
        leave_behind(left);
        density.log_joint(tile, log_joint.data());
        for (const double value : log_joint) {
          INFO("d " << d << ", " << n_rows << " rows, " << left << " left behind");
          REQUIRE(std::abs(value) < 1e3);
        }
      }
    }
}
