// k-means||: seeds from a few rounds that draw many candidates at once.
#include <algorithm>
#include <limits>
#include <set>

#include "data/patterns.hpp"
#include "data/random.hpp"
#include "data/row_sums.hpp"
#include "data/vector_reader.hpp"
#include "em/observed_distances.hpp"
#include "em/seeding.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "kernels/table.hpp"
#include "parallel/exact_message.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

constexpr int kRounds = 5;
constexpr double kOversampling = 2.0;  ///< candidates per round and centre

/// The nearest candidate of each row of this rank, as candidates come.
class Candidates {
 public:
  Candidates(const Execution& execution, const Data& data, std::uint64_t seed)
      : execution_(execution),
        data_(data),
        seed_(seed),
        first_row_(data.grid().first_row(data.first_block())) {
    const Index n_rows = data.grid().first_row(data.last_block()) - first_row_;
    distance_.assign(n_rows, std::numeric_limits<double>::infinity());
    nearest_.resize(n_rows);
  }

  /// Collective. Takes those of `all` into account that are new; returns the weighted sum of the squared
  /// distances to the nearest.
  double add(const std::vector<double>& all);
  /// Collective. Rows drawn independently, each with probability `expected` w D^2 / inertia; no two are
  /// equal.
  std::vector<double> draw(double expected, double inertia, int round) const;
  /// Collective. The weight of the rows nearest to each candidate.
  std::vector<double> weights() const;

 private:
  void nearest_observed(const Tile& tile, int n, const double* centers, double* nearest, double* least) const;

  const Execution& execution_;
  const Data& data_;
  std::uint64_t seed_;
  Index first_row_;
  std::int32_t n_known_ = 0;
  std::vector<double> distance_;       ///< this rank's rows: squared distance to the nearest candidate
  std::vector<std::int32_t> nearest_;  ///< its number
};

double Candidates::add(const std::vector<double>& all) {
  const int d = data_.n_columns(), n_new = static_cast<int>(all.size()) / d - n_known_;
  const double* centers = all.data() + Index{n_known_} * d;
  const bool has_gaps = data_.summary().has_gaps();
  const double inertia = sum_over_rows(execution_, data_, 1, [&](const Tile& tile, double* values) {
    double nearest[kTile], least[kTile], gap[kTile];
    if (has_gaps)
      nearest_observed(tile, n_new, centers, nearest, least);
    else
      execution_.kernels->nearest_with_gap(d, n_new, tile.xt(), centers, nearest, least, gap);
    const Index first = tile.row(0) - first_row_;
    std::fill_n(values, kTile, 0.0);
    for (int r = 0; r < tile.n_rows(); ++r) {
      if (least[r] < distance_[first + r]) {
        distance_[first + r] = least[r];
        nearest_[first + r] = n_known_ + static_cast<std::int32_t>(nearest[r]);
      }
      values[r] = distance_[first + r];
    }
  })[0];
  n_known_ += n_new;
  return inertia;
}

/// Of rows that lack values, by the columns that they have.
void Candidates::nearest_observed(const Tile& tile, int n, const double* centers, double* nearest,
                                  double* least) const {
  std::vector<double> distances(std::size_t(n) * kTile);
  ObservedDistances(data_.n_columns(), true, *execution_.kernels).compute(tile, n, centers, distances.data());
  for (int r = 0; r < kTile; ++r) {
    int best = 0;
    for (int k = 1; k < n; ++k)
      if (distances[std::size_t(k) * kTile + r] < distances[std::size_t(best) * kTile + r]) best = k;
    nearest[r] = best;
    least[r] = distances[std::size_t(best) * kTile + r];
  }
}

std::vector<double> Candidates::draw(double expected, double inertia, int round) const {
  std::vector<std::vector<Index>> rows(data_.last_block() - data_.first_block());
  std::vector<double> drawn;
  execution_.comm.together([&] {
    for_each_index(data_.first_block(), data_.last_block(), execution_.n_threads, [&](Index block, int) {
      const Index first = data_.grid().first_row(block);
      for (Index row = first; row < first + data_.grid().rows_in(block); ++row) {
        const double mass = expected * data_.weight(row) * distance_[row - first_row_];
        if (mass > 0.0 && uniform(seed_, Purpose::oversampling, row, round) * inertia < mass)
          rows[block - data_.first_block()].push_back(row);
      }
    });
    for (const auto& of_block : rows)
      for (const Index row : of_block) {
        const std::vector<double> x = without_gaps(data_.row(row), data_.summary());
        drawn.insert(drawn.end(), x.begin(), x.end());
      }
  });
  drawn = execution_.comm.all_gather(std::span<const double>(drawn));
  const std::ptrdiff_t d = data_.n_columns();
  std::set<std::vector<double>> seen;
  auto end = drawn.begin();
  for (auto row = drawn.begin(); row != drawn.end(); row += d)
    if (seen.emplace(row, row + d).second) end = std::copy(row, row + d, end);
  drawn.erase(end, drawn.end());
  return drawn;
}

std::vector<double> Candidates::weights() const {
  const std::vector<double> bounds(n_known_, 1.0001 * data_.summary().total_weight);
  ExactArray sums(bounds);
  Index n_terms = 0;
  for (std::size_t i = 0; i < nearest_.size(); ++i) {
    const double weight = data_.weight(first_row_ + static_cast<Index>(i));
    sums.add(std::span(&weight, 1), nearest_[i]);
    if (++n_terms % (Index{1} << 22) == 0) sums.normalise();
  }
  ExactMessage().add(sums).sum(execution_.comm);
  std::vector<double> weights;
  for (std::size_t i = 0; i < sums.size(); ++i) weights.push_back(sums.value(i));
  return weights;
}

}  // namespace

void seed_centers_in_rounds(const Execution& execution, const Data& data, int n_centers, std::uint64_t seed,
                            std::vector<double>& centers, int& n_rounds, const SafePoint& safe_point) {
  const int d = data.n_columns();
  const std::size_t wanted = std::size_t(n_centers) * d;
  GMMPI_EXPECT(n_centers >= 1 && n_rounds >= 0 && centers.size() % d == 0);
  if (n_rounds == 0 && centers.size() == wanted) return;
  if (centers.empty()) seed_centers(execution, data, 1, SeedRule::distinct, seed, centers, safe_point);
  Candidates candidates(execution, data, seed);
  for (;;) {
    safe_point();
    const double inertia = candidates.add(centers);
    if (inertia == 0.0 || (n_rounds >= kRounds && centers.size() >= wanted)) break;
    const std::vector<double> drawn = candidates.draw(kOversampling * n_centers, inertia, n_rounds);
    centers.insert(centers.end(), drawn.begin(), drawn.end());
    ++n_rounds;
  }
  VectorReader rows("the candidates", std::move(centers), d),
      weights("their weights", candidates.weights(), 1);
  const MemoryData few(execution, rows, &weights);
  centers.clear();
  seed_centers(execution, few, n_centers, SeedRule::distance, seed, centers, [] {});
  n_rounds = 0;
}

}  // namespace gmmpi
