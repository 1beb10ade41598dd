// The sweep: moments and objective against plain loops, extreme rows, errors of one rank.
// covers: src/em/assignments.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <stdexcept>

#include "em/assignments.hpp"
#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Index;
using gmmpi::ScatterShape;
using in_memory::on;
using textbook::Real;

constexpr ScatterShape kShapes[] = {ScatterShape::none, ScatterShape::diagonal, ScatterShape::full,
                                    ScatterShape::pooled};

struct Setting {
  std::vector<double> rows, weights, centers;
  gmmpi::Mixture mixture;
  int d, K = 3;

  Setting(std::int64_t n_rows, int d) : rows(in_memory::clusters(n_rows, d, 3, 2.0, 51)), d(d) {
    for (std::int64_t n = 0; n < n_rows; ++n) weights.push_back(n % 9 == 4 ? 0.0 : 0.5 * double(1 + n % 3));
    const std::vector<double> means(rows.begin(), rows.begin() + K * d);
    mixture =
        in_memory::make_model("full", textbook::make_mixture("spherical", std::vector<double>{0.2, 0.3, 0.5},
                                                             means, std::vector<double>{2, 1, 3}));
    for (const double m : means) centers.push_back(m + 0.25);
  }
  textbook::Rows view() const { return {rows, d, weights}; }
};

/// Moments in MomentLayout's order, and the sums of their absolute terms.
std::pair<std::vector<Real>, std::vector<Real>> plain_moments(const Setting& s,
                                                              const gmmpi::MomentLayout& layout) {
  const auto expectation = textbook::e_step(s.view(), in_memory::to_textbook(s.mixture));
  std::vector<Real> sums(layout.size(), 0), sizes(layout.size(), 0);
  const auto add = [&](Index at, Real term) {
    sums[at] += term;
    sizes[at] += std::abs(term);
  };
  for (Index n = 0; n < s.view().size(); ++n)
    for (int k = 0; k < s.K; ++k) {
      const Real gamma = expectation.responsibilities[n * s.K + k] * s.weights[n];
      const auto diff = [&](int j) { return Real(s.rows[n * s.d + j]) - s.centers[k * s.d + j]; };
      add(k, gamma);
      for (int j = 0; j < s.d; ++j) add(layout.first() + k * s.d + j, gamma * diff(j));
      Index at = layout.second() +
                 (layout.shape == ScatterShape::pooled ? 0 : k * gmmpi::scatter_size(layout.shape, s.d));
      for (int i = 0; i < s.d && layout.shape != ScatterShape::none; ++i)
        for (int j = i; j < (layout.shape == ScatterShape::diagonal ? i + 1 : s.d); ++j)
          add(at++, gamma * diff(i) * diff(j));
    }
  return {sums, sizes};
}

/// Data of which the block that holds a row cannot be read.
class BrokenData final : public gmmpi::Data {
 public:
  BrokenData(const gmmpi::MemoryData& good, Index bad_row) : good_(good), bad_row_(bad_row) {
    grid_ = good.grid();
    n_columns_ = good.n_columns();
    first_block_ = good.first_block();
    last_block_ = good.last_block();
    summary_ = good.summary();
  }
  void for_each_block(const gmmpi::Execution& execution,
                      const std::function<void(const gmmpi::Block&, int)>& work) const override {
    good_.for_each_block(execution, [&](const gmmpi::Block& block, int thread) {
      if (block.first_row <= bad_row_ && bad_row_ < block.first_row + block.n_rows)
        throw gmmpi::Error(gmmpi::ExitCode::io_failed, "the disk is gone");
      work(block, thread);
    });
  }
  std::vector<double> row(Index global_row) const override { return good_.row(global_row); }
  double weight(Index global_row) const override { return good_.weight(global_row); }

 private:
  const gmmpi::MemoryData& good_;
  Index bad_row_;
};

}  // namespace

TEST_CASE("sweep: moments and log-likelihood are those of plain loops", "[mpi]") {
  for (const int d : {2, 5, 9}) {
    const Setting s(700, d);
    const auto execution = on(test_world(), 2);
    const auto data = in_memory::make_data(execution, s.rows, d, s.weights);
    const gmmpi::Posterior posterior(s.mixture, *execution.kernels);
    for (const ScatterShape shape : kShapes) {
      INFO("d " << d << ", shape " << static_cast<int>(shape));
      const gmmpi::Moments m = gmmpi::sweep(execution, data, posterior, s.centers, shape);
      const auto [expected, sizes] = plain_moments(s, m.layout);
      REQUIRE(m.sums.size() == expected.size());
      CHECK(m.centers == s.centers);
      for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(std::abs(m.sums[i] - expected[i]) <= 1e-14 * sizes[i]);
      const Real objective = textbook::e_step(s.view(), in_memory::to_textbook(s.mixture)).log_likelihood;
      CHECK(std::abs(m.objective - objective) <= 1e-14 * std::abs(objective));
      CHECK(m.first(1) == m.sums.data() + 3 + d);
      CHECK(m.counts() == m.sums.data());
    }
  }
}

TEST_CASE("sweep: no digit of a narrow component is lost to the range of a column", "[mpi]") {
  // Every seventh row has 1e25 in its first, -1e90 in its last column.
  for (const int d : {1, 3, 6}) {
    Setting s(900, d);
    for (std::size_t n = 0; n < s.weights.size(); ++n) {
      if (n % 7 != 0) continue;
      s.rows[n * d] = 1e25;
      s.rows[n * d + d - 1] = -1e90 * (1.0 + 1e-3 * static_cast<double>(n));
    }
    const auto execution = on(test_world(), 2);
    const auto data = in_memory::make_data(execution, s.rows, d, s.weights);
    const gmmpi::NearestCenter nearest(s.centers, d, *execution.kernels);
    for (const ScatterShape shape : {ScatterShape::diagonal, ScatterShape::full}) {
      const gmmpi::Moments m = gmmpi::sweep(execution, data, nearest, s.centers, shape);
      std::vector<Real> first(3 * d, 0), second(3 * d, 0), size(3 * d, 0), cross(3, 0);
      for (std::size_t n = 0; n < s.weights.size(); ++n) {
        int k = 0;
        std::vector<Real> q(3, 0);
        for (int c = 0; c < 3; ++c) {
          for (int j = 0; j < d; ++j) q[c] += std::pow(Real(s.rows[n * d + j]) - s.centers[c * d + j], 2);
          if (q[c] < q[k]) k = c;
        }
        if (n % 7 == 0) continue;  // judged apart: which centre is nearest does not show at 1e90
        for (int j = 0; j < d; ++j) {
          const Real y = Real(s.rows[n * d + j]) - s.centers[k * d + j];
          first[k * d + j] += s.weights[n] * y;
          size[k * d + j] += s.weights[n] * std::abs(y);
          second[k * d + j] += s.weights[n] * y * y;
        }
        cross[k] += s.weights[n] * (Real(s.rows[n * d]) - s.centers[k * d]) *
                    (Real(s.rows[n * d + d - 1]) - s.centers[k * d + d - 1]);
      }
      int checked = 0;
      for (int k = 0; k < 3; ++k)
        for (int j = 0; j < d && m.second(k)[0] < 1e20; ++j) {  // not the component that has the far rows
          const gmmpi::Index entry =
              shape == ScatterShape::full ? gmmpi::Index{j} * d - j * (j - 1) / 2 : gmmpi::Index{j};
          ++checked;
          CHECK(std::abs(m.first(k)[j] - first[k * d + j]) <= 1e-14 * size[k * d + j]);
          CHECK(std::abs(m.second(k)[entry] - second[k * d + j]) <= 1e-14 * second[k * d + j]);
          if (shape == ScatterShape::full && d > 1)
            CHECK(std::abs(m.second(k)[d - 1] - cross[k]) <=
                  1e-14 * std::sqrt(second[k * d] * second[k * d + d - 1]));
        }
      CHECK(checked == 2 * d);
    }
  }
}

namespace {

/// Component k of row n: moments weighed with (n + k) % 5, and sums of n and of -k.
class Weighed final : public gmmpi::TilewiseAssignment {
 public:
  int n_components() const override { return 3; }
  gmmpi::PartialAssignment given(std::span<const int>, std::span<const int>) const override {
    return {std::make_unique<Weighed>()};
  }
  std::optional<gmmpi::OwnSums> own_sums() const override { return gmmpi::OwnSums{4.0, {1e4, 2.0}}; }
  void weigh(const gmmpi::Tile& tile, double*, double* gamma, double* own) const override {
    for (int e = 0; e < 3 * gmmpi::kTile; ++e) {
      const double row = static_cast<double>(tile.row(0) + e % gmmpi::kTile);
      const int k = e / gmmpi::kTile;
      own[e] = gamma[e] * row;
      own[3 * gmmpi::kTile + e] = -k * gamma[e];
      gamma[e] *= (static_cast<int>(row) + k) % 5;
    }
  }

 private:
  void assign_tile(const gmmpi::Tile& tile, double*, double* gamma, double* value) const override {
    for (int e = 0; e < 3 * gmmpi::kTile; ++e) gamma[e] = (e % 7) / 8.0 * tile.weights()[e % gmmpi::kTile];
    std::fill_n(value, gmmpi::kTile, 1.0);
  }
};

}  // namespace

TEST_CASE("sweep: an assignment may weigh the moments, and add sums of its own", "[mpi]") {
  for (const int d : {2, 6})
    for (const ScatterShape shape : kShapes) {
      INFO("d " << d << ", shape " << static_cast<int>(shape));
      const Setting s(3000, d);
      const auto execution = on(test_world(), 2);
      const auto data = in_memory::make_data(execution, s.rows, d, s.weights);
      const gmmpi::Moments m = gmmpi::sweep(execution, data, Weighed(), s.centers, shape);
      std::vector<Real> sums(m.sums.size(), 0), sizes(m.sums.size(), 0);
      for (Index n = 0; n < s.view().size(); ++n)
        for (int k = 0; k < 3; ++k) {
          const Index tile_row = n % gmmpi::kTile;
          const Real gamma = (k * gmmpi::kTile + tile_row) % 7 / 8.0 * Real(s.weights[n]);
          const auto add = [&](Index at, Real term) { sums[at] += term, sizes[at] += std::abs(term); };
          const auto diff = [&](int j) { return Real(s.rows[n * d + j]) - s.centers[k * d + j]; };
          const Real weight = gamma * ((n + k) % 5);
          add(k, weight);
          for (int j = 0; j < d; ++j) add(m.layout.first() + k * d + j, weight * diff(j));
          Index at =
              m.layout.second() + (shape == ScatterShape::pooled ? 0 : k * gmmpi::scatter_size(shape, d));
          for (int i = 0; i < d && shape != ScatterShape::none; ++i)
            for (int j = i; j < (shape == ScatterShape::diagonal ? i + 1 : d); ++j)
              add(at++, weight * diff(i) * diff(j));
          add(m.layout.own() + k, gamma);
          add(m.layout.own() + 3 + k, gamma * n);
          add(m.layout.own() + 6 + k, -k * gamma);
        }
      for (std::size_t i = 0; i < sums.size(); ++i) {
        INFO("sum " << i);
        CHECK(std::abs(m.sums[i] - sums[i]) <= 1e-14 * sizes[i]);
      }
      CHECK(m.weights() == m.sums.data());
      CHECK(m.counts() == m.sums.data() + m.layout.own());
      CHECK(m.own(1) == m.sums.data() + m.sums.size() - 3);
    }
}

TEST_CASE("sweep: the nearest centre is the textbook's label, the objective its inertia", "[mpi]") {
  const Setting s(500, 3);
  const auto execution = on(test_world(), 2);
  const auto data = in_memory::make_data(execution, s.rows, 3, s.weights);
  const gmmpi::NearestCenter nearest(s.centers, 3, *execution.kernels);
  const gmmpi::Moments m = gmmpi::sweep(execution, data, nearest, s.centers, ScatterShape::none);
  const auto expected = textbook::lloyd_step(s.view(), std::vector<Real>(s.centers.begin(), s.centers.end()));
  CHECK(m.objective == Approx(static_cast<double>(expected.inertia)).epsilon(1e-14));
  std::vector<double> counts(3, 0.0);
  for (std::size_t n = 0; n < s.weights.size(); ++n) counts[expected.labels[n]] += s.weights[n];
  CHECK(std::vector<double>(m.counts(), m.counts() + 3) == counts);
}

TEST_CASE("sweep: a data source that fails on one rank is an error on all", "[mpi]") {
  const Setting s(2000, 2);
  const auto execution = on(test_world(), 2);
  const auto data = in_memory::make_data(execution, s.rows, 2, s.weights);
  const gmmpi::Posterior posterior(s.mixture, *execution.kernels);
  for (const Index row : {0, 999, 1999}) {
    const BrokenData broken(data, row);
    CHECK_THROWS_WITH(gmmpi::sweep(execution, broken, posterior, s.centers, ScatterShape::full),
                      "the disk is gone");
    CHECK_THROWS_WITH(gmmpi::find_extreme_row(execution, broken, posterior, false), "the disk is gone");
  }
}

TEST_CASE("find_extreme_row: the lowest or highest value, the lowest row of a tie, none of weight zero",
          "[mpi]") {
  std::vector<double> rows(1000, 1.0), weights(1000, 1.0);
  for (const std::size_t n : {300, 301, 900}) rows[n] = 50.0;
  rows[640] = 1000.0;
  weights[640] = weights[300] = 0.0;
  rows[77] = rows[500] = 0.0;
  const auto execution = on(test_world(), 3);
  const auto data = in_memory::make_data(execution, rows, 1, weights);
  const gmmpi::NearestCenter origin({0.0}, 1, *execution.kernels);
  const auto far = gmmpi::find_extreme_row(execution, data, origin, true);
  CHECK(far.row == 301);
  CHECK(far.value == 2500.0);
  CHECK(far.x == std::vector<double>{50.0});
  const auto near = gmmpi::find_extreme_row(execution, data, origin, false);
  CHECK(near.row == 77);
  CHECK(near.value == 0.0);
  CHECK(near.x == std::vector<double>{0.0});
}
