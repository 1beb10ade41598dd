// Seeding: weighted draws of rows without an order over ranks.
#include "em/seeding.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/patterns.hpp"
#include "data/random.hpp"
#include "data/row_sums.hpp"
#include "em/observed_distances.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "kernels/scalar_math.hpp"

namespace gmmpi {

namespace {

/// A row that was drawn, and by which draw.
struct Draw {
  int number = 0;
  Index row = -1;
  std::vector<double> x;
};

/// Draws rows with probability proportional to a mass per row. Two steps: the block by the blocks' masses (on
/// every rank), then the row inside it (on its owner). Block masses are summed in the order of rows, so the
/// draw does not depend on ranks or threads.
class Seeder {
 public:
  Seeder(const Execution& execution, const Data& data, SeedRule rule, std::uint64_t seed)
      : execution_(execution), data_(data), rule_(rule), seed_(seed) {
    const Index first = data.grid().first_row(data.first_block());
    distance_.assign(data.grid().first_row(data.last_block()) - first,
                     std::numeric_limits<double>::infinity());
    block_mass_.resize(data.last_block() - data.first_block());
    first_row_ = first;
  }

  /// Collective. Takes a new centre into account.
  void add_center(const std::vector<double>& center) { visit(center); }

  /// Collective. `n` rows drawn with the present masses. Empty if no row has any.
  std::vector<std::vector<double>> draw(int n);

  /// As if `n` rows had been drawn.
  void skip_draws(int n) { n_drawn_ += n; }

  /// Collective. The candidate that would leave the least inertia.
  std::size_t best_candidate(const std::vector<std::vector<double>>& candidates) const;

  /// Before the first centre: mass = weight.
  void begin() { visit({}); }

 private:
  double mass(double distance, double weight) const {
    if (weight == 0.0 || distance == 0.0) return 0.0;
    return rule_ == SeedRule::distinct || std::isinf(distance) ? weight : weight * distance;
  }
  void visit(const std::vector<double>& center);
  void draw_in_block(Index block, double remainder, int number, std::vector<Draw>& mine) const;

  const Execution& execution_;
  const Data& data_;
  SeedRule rule_;
  std::uint64_t seed_;
  std::int64_t n_drawn_ = 0;
  Index first_row_ = 0;
  std::vector<double> distance_;    ///< this rank's rows: squared distance to the nearest centre
  std::vector<double> block_mass_;  ///< this rank's blocks
};

void Seeder::visit(const std::vector<double>& center) {
  std::vector<Tile> tiles(execution_.n_threads, Tile(data_.n_columns(), *execution_.kernels));
  std::vector<ObservedDistances> distances(
      execution_.n_threads,
      ObservedDistances(data_.n_columns(), data_.summary().has_gaps(), *execution_.kernels));
  execution_.comm.together([&] {
    data_.for_each_block(execution_, [&](const Block& block, int thread) {
      Tile& tile = tiles[thread];
      double distance[kTile], sum = 0.0;
      for (int offset = 0; offset < block.n_rows; offset += kTile) {
        tile.load(block, offset);
        double* nearest = distance_.data() + (tile.row(0) - first_row_);
        if (!center.empty()) {
          distances[thread].compute(tile, 1, center.data(), distance);
          for (int r = 0; r < tile.n_rows(); ++r) nearest[r] = std::min(nearest[r], distance[r]);
        }
        for (int r = 0; r < tile.n_rows(); ++r) sum += mass(nearest[r], tile.weights()[r]);
      }
      block_mass_[block.index - data_.first_block()] = sum;
    });
  });
}

void Seeder::draw_in_block(Index index, double remainder, int number, std::vector<Draw>& mine) const {
  // The rows of one block, in the order in which its mass was summed.
  const Index first = data_.grid().first_row(index);
  Index chosen = -1;
  double sum = 0.0;
  for (Index row = first; row < first + data_.grid().rows_in(index); ++row) {
    const double m = mass(distance_[row - first_row_], data_.weight(row));
    if (m == 0.0) continue;
    sum += m;
    chosen = row;
    if (sum > remainder) break;
  }
  if (chosen >= 0) mine.push_back({number, chosen, {}});
}

std::vector<std::vector<double>> Seeder::draw(int n) {
  const int d = data_.n_columns();
  const std::vector<double> masses = execution_.comm.all_gather(std::span<const double>(block_mass_));
  std::vector<double> cumulative(masses.size());
  double total = 0.0;
  for (std::size_t b = 0; b < masses.size(); ++b) cumulative[b] = total += masses[b];
  if (!(total > 0.0)) return {};
  std::vector<Draw> mine;
  for (int i = 0; i < n; ++i) {
    const double target = uniform(seed_, Purpose::seeding, n_drawn_ + i, 0) * total;
    Index b = std::upper_bound(cumulative.begin(), cumulative.end(), target) - cumulative.begin();
    b = std::min<Index>(b, std::ssize(masses) - 1);
    while (masses[b] == 0.0) --b;
    const double remainder = target - (b > 0 ? cumulative[b - 1] : 0.0);
    if (b >= data_.first_block() && b < data_.last_block()) draw_in_block(b, remainder, i, mine);
  }
  n_drawn_ += n;
  execution_.comm.together([&] {  // rows may have to be read from a file
    for (Draw& draw : mine) draw.x = without_gaps(data_.row(draw.row), data_.summary());
  });
  std::vector<double> packed;  // number and row, one after the other
  for (const Draw& draw : mine) {
    packed.push_back(draw.number);
    packed.insert(packed.end(), draw.x.begin(), draw.x.end());
  }
  packed = execution_.comm.all_gather(std::span<const double>(packed));
  std::vector<std::vector<double>> rows(n);
  for (std::size_t at = 0; at < packed.size(); at += d + 1)
    rows[static_cast<std::size_t>(packed[at])].assign(packed.begin() + at + 1, packed.begin() + at + 1 + d);
  return rows;
}

std::size_t Seeder::best_candidate(const std::vector<std::vector<double>>& candidates) const {
  const int L = static_cast<int>(candidates.size()), d = data_.n_columns();
  if (L == 1) return 0;
  std::vector<double> centers;
  for (const auto& c : candidates) centers.insert(centers.end(), c.begin(), c.end());
  const std::vector<double> inertia =
      sum_over_rows(execution_, data_, L, [&](const Tile& tile, double* values) {
        const double* nearest = distance_.data() + (tile.row(0) - first_row_);
        ObservedDistances(d, data_.summary().has_gaps(), *execution_.kernels)
            .compute(tile, L, centers.data(), values);
        for (int l = 0; l < L; ++l)
          for (int r = 0; r < tile.n_rows(); ++r) {
            double& value = values[l * kTile + r];
            value = std::min(nearest[r], value);
          }
      });
  return std::min_element(inertia.begin(), inertia.end()) - inertia.begin();
}

}  // namespace

void seed_centers(const Execution& execution, const Data& data, int n_centers, SeedRule rule,
                  std::uint64_t seed, std::vector<double>& centers, const SafePoint& safe_point) {
  const std::size_t d = data.n_columns();
  GMMPI_EXPECT(n_centers >= 1 && centers.size() % d == 0 && centers.size() <= n_centers * d);
  if (centers.size() == n_centers * d) return;
  const int trials =
      rule == SeedRule::distance ? 2 + static_cast<int>(log_of(n_centers, *execution.kernels)) : 1;
  Seeder seeder(execution, data, rule, seed);
  seeder.begin();
  for (std::size_t at = 0; at < centers.size(); at += d) {  // those of an earlier run
    seeder.skip_draws(at == 0 ? 1 : trials);
    seeder.add_center({centers.begin() + at, centers.begin() + at + d});
  }
  while (centers.size() < n_centers * d) {
    safe_point();
    const auto candidates = seeder.draw(centers.empty() ? 1 : trials);
    if (candidates.empty())
      throw Error(ExitCode::bad_data,
                  "there are fewer distinct rows than components; choose a smaller `n_components`");
    const std::vector<double>& chosen = candidates[seeder.best_candidate(candidates)];
    centers.insert(centers.end(), chosen.begin(), chosen.end());
    if (centers.size() < n_centers * d) seeder.add_center(chosen);
  }
}

}  // namespace gmmpi
