// Skipped work: bit for bit what a dense computation with the same rule gives.
// covers: src/model/log_density.cpp
// covers: src/model/prepared.cpp
#include "model/pruned_density.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "em/assignments.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::kTile;

/// A mixture of pairs of components that lie some `distance` widths apart, and a tenth of it in a pair, and
/// tiles of rows drawn from it.
struct Setting {
  gmmpi::Mixture mixture;
  std::vector<double> rows, weights;
  std::vector<gmmpi::Tile> tiles;

  Setting(const std::string& type, int d, int K, double distance, int n_tiles,
          const gmmpi::KernelTable& kernels) {
    std::mt19937_64 generator(100 * d + K);
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform(0.5, 1.5);
    gmmpi::Mixture m;
    m.structure = &gmmpi::find_structure("full");
    m.n_components = K;
    m.n_features = d;
    for (int k = 0; k < K; ++k) {
      m.weights.push_back(1.0 / K);
      std::vector<double> factor(std::size_t(d) * d);
      for (double& f : factor) f = normal(generator) / std::sqrt(d);
      for (int i = 0; i < d; ++i) {
        const double apart = distance / std::sqrt(2.0 * d) * normal(generator);
        m.means.push_back(k % 2 == 0 ? apart : m.means[std::size_t(k - 1) * d + i] + 0.1 * apart);
        for (int j = 0; j < d; ++j) {
          double c = i == j ? 0.5 : 0.0;
          for (int l = 0; l < d; ++l) c += factor[i * d + l] * factor[j * d + l];
          m.covariances.push_back(c);
        }
      }
    }
    factorise(m, kernels);
    mixture = with_structure(m, gmmpi::find_structure(type), kernels);
    factorise(mixture, kernels);
    const int n = n_tiles * kTile - 7;
    for (int r = 0; r < n; ++r) {
      const int k = static_cast<int>(generator() % K);
      for (int j = 0; j < d; ++j) rows.push_back(mixture.means[k * d + j] + normal(generator));
      weights.push_back(r % 13 == 5 ? 0.0 : uniform(generator));
    }
    gmmpi::Block block;
    block.n_rows = n;
    block.rows = static_cast<const double*>(rows.data());
    block.weights = weights.data();
    tiles.assign(n_tiles, gmmpi::Tile(d, gmmpi::select_kernels()));
    for (int t = 0; t < n_tiles; ++t) tiles[t].load(block, t * kTile);
  }
};

struct Assigned {
  std::vector<double> gamma, value;
};

Assigned pruned(const Setting& s, const gmmpi::KernelTable& kernels) {
  const gmmpi::Posterior posterior(s.mixture, kernels);
  std::vector<double> scratch(posterior.scratch_size());
  Assigned a{std::vector<double>(s.tiles.size() * s.mixture.n_components * kTile),
             std::vector<double>(s.tiles.size() * kTile)};
  // Twice: an attempt that is given up is followed by another.
  for (int repeat = 0; repeat < 2; ++repeat)
    posterior.assign(s.tiles, scratch.data(), a.gamma.data(), a.value.data());
  return a;
}

Assigned dense(const Setting& s, const gmmpi::KernelTable& kernels, double least_log_share) {
  const gmmpi::LogDensity density(s.mixture, kernels);
  const int K = s.mixture.n_components;
  std::vector<double> scratch(density.scratch_size());
  Assigned a{std::vector<double>(s.tiles.size() * K * kTile), std::vector<double>(s.tiles.size() * kTile)};
  for (std::size_t t = 0; t < s.tiles.size(); ++t) {
    double* gamma = a.gamma.data() + t * K * kTile;
    density.log_joint(s.tiles[t], scratch.data(), gamma);
    kernels.responsibilities(K, s.tiles[t].weights(), least_log_share, gamma, a.value.data() + t * kTile);
  }
  return a;
}

}  // namespace

TEST_CASE("pruned_density: responsibilities and log densities are those of a dense computation, bit for bit",
          "[serial]") {
  for (const std::string& name : gmmpi::available_kernels())
    for (const std::string type : {"full", "tied", "diag", "spherical"})
      for (const auto& [d, K] : {std::pair{2, 8}, {8, 6}, {9, 7}, {16, 20}, {41, 20}, {64, 12}})
        for (const double distance : {1.0, 12.0, 50.0, 75.0, 100.0, 1e6}) {
          INFO(name << ", " << type << ", d " << d << ", K " << K << ", distance " << distance);
          const gmmpi::KernelTable& kernels = gmmpi::select_kernels(name);
          const Setting s(type, d, K, distance, 5, kernels);
          const Assigned all = dense(s, kernels, gmmpi::kLeastLogShare), some = pruned(s, kernels);
          CHECK(in_memory::same_bits(some.gamma, all.gamma));
          CHECK(in_memory::same_bits(some.value, all.value));
        }
}

TEST_CASE("pruned_density: what is left out is below 2^-64 of the largest responsibility", "[serial]") {
  const gmmpi::KernelTable& kernels = gmmpi::select_kernels();
  for (const double distance : {1.0, 6.0, 12.0, 25.0}) {
    const Setting s("full", 16, 16, distance, 5, kernels);
    const Assigned every = dense(s, kernels, gmmpi::kEveryLogShare), some = pruned(s, kernels);
    CHECK(in_memory::same_bits(some.value, every.value));  // no log density changes
    std::int64_t n_left_out = 0;
    double largest_left_out = 0.0, largest_change = 0.0;
    for (std::size_t e = 0; e < some.gamma.size(); ++e) {
      if (some.gamma[e] == 0.0 && every.gamma[e] > 0.0) {
        ++n_left_out;
        largest_left_out = std::max(largest_left_out, every.gamma[e]);
      } else {
        largest_change = std::max(largest_change, std::abs(some.gamma[e] - every.gamma[e]));
      }
    }
    INFO("distance " << distance << ": " << n_left_out << " left out");
    CHECK((n_left_out > 0) == (distance > 5.0));
    CHECK(largest_left_out < 1.5 * 0x1p-64);  // the largest sample weight is 1.5
    CHECK(largest_change == 0.0);
  }
}
