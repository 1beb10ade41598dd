// One pass over all rows: responsibilities from an assignment, moments about given centres, one allreduce.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/tile.hpp"
#include "em/resolution.hpp"
#include "gmmpi/model/own_sums.hpp"
#include "kernels/scatter.hpp"
#include "model/observed_part.hpp"
#include "model/rowwise_density.hpp"

namespace gmmpi {

class Assignment;

/// An assignment of rows that lack columns, by those that they have, and what it expects of the others.
struct PartialAssignment {
  std::unique_ptr<Assignment> observed;
  /// None: a missing value is expected at its centre, with the column's variance.
  std::optional<MissingColumns> missing{};
};

/// Where responsibilities come from: a model's posterior, the nearest centre, labels, chance, ...
/// Shared by all threads.
class Assignment {
 public:
  virtual ~Assignment() = default;
  virtual int n_components() const = 0;
  /// Sums over rows besides the moments, at least the objective.
  virtual int n_values() const { return 1; }
  /// True if the last value is ln p(x) less the largest ln pi_k p(x | k): -ln max_k responsibility.
  virtual bool has_entropy() const { return false; }
  /// Doubles of scratch that one thread's calls need.
  virtual std::size_t scratch_size() const { return 0; }
  /// For each tile's 64 rows: gamma (K x kTile) = responsibility times sample weight, 0 for rows of weight
  /// zero; value (n_values x kTile) = the row's term of the objective (its log density, its squared distance,
  /// ...) and of what else is summed.
  virtual void assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const = 0;

  /// For components whose moments are weighted row by row, or that need more sums; the same on all ranks.
  virtual std::optional<OwnSums> own_sums() const { return std::nullopt; }
  /// With own sums, after `assign`, tile by tile: gamma (K x kTile) becomes what weighs the moments; own (n x
  /// K x kTile) the terms of the n sums, times what gamma was.
  virtual void weigh(const Tile& /*tile*/, double* /*scratch*/, double* /*gamma*/, double* /*own*/) const {}

  /// For rows that have the columns `observed` only; it does not outlive this one.
  virtual PartialAssignment given(std::span<const int> observed, std::span<const int> missing) const = 0;
  /// Raises `reach` (K x d), how far the observed values lie from `centers`, to what missing ones may lie at:
  /// conditional mean plus standard deviation.
  virtual void raise_reach(const DataSummary& summary, std::span<const double> centers,
                           std::span<double> reach) const;
  /// For rows that are taken one by one; null: they cannot be, and errors of rows do not count.
  virtual const RowwiseDensity* rowwise() const { return nullptr; }
  /// True if rows of such data are taken one by one because of their errors.
  bool heeds_errors(const DataSummary& summary) const { return summary.has_errors && rowwise() != nullptr; }
  /// What a row of weight 1 of component k adds to own sum i besides, because it has n_observed columns only.
  virtual double own_of_missing(int /*i*/, int /*k*/, int /*n_observed*/) const { return 0.0; }
};

/// An assignment of each tile by itself.
class TilewiseAssignment : public Assignment {
 public:
  void assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const final {
    for (const Tile& tile : tiles) {
      assign_tile(tile, scratch, gamma, value);
      gamma += std::int64_t{n_components()} * kTile;
      value += std::int64_t{n_values()} * kTile;
    }
  }

 private:
  virtual void assign_tile(const Tile& tile, double* scratch, double* gamma, double* value) const = 0;
};

/// Sums over all rows and ranks, each rounded once. Equal on all ranks.
struct Moments {
  MomentLayout layout;
  std::vector<double> centers;          ///< (K, d): what the moments are about
  double objective = 0.0;               ///< sum of weight times (first) value
  std::vector<double> sums;             ///< in the order of layout
  std::vector<double> values{};         ///< sums of weight times each value, the objective first
  std::optional<double> map_entropy{};  ///< of assignments with entropy; not among the values
  double total_weight = 0.0;  ///< of all rows; the counts sum to less where the assignment leaves some out

  /// K: N_k, the sums of responsibility times weight.
  const double* counts() const { return sums.data() + (layout.n_own > 0 ? layout.own() : 0); }
  /// K: what the moments weigh, which is N_k unless the assignment weighs them by itself.
  const double* weights() const { return sums.data(); }
  const double* first(int k) const { return sums.data() + layout.first() + std::int64_t{k} * layout.d; }
  const double* second(int k) const {
    return sums.data() + layout.second() + k * scatter_size(layout.shape, layout.d);
  }
  /// K: the assignment's own sum i.
  const double* own(int i) const { return sums.data() + layout.own() + std::int64_t{1 + i} * layout.K; }
};

/// Collective: the one allreduce of an iteration. Errors of any rank's data source ride in it and are thrown
/// on all ranks. Where sums of a narrow component drown in the range of a column, the rows are swept once
/// more with a finer quantum (Resolution).
/// Rows that lack values, or were measured with errors, add what the assignment expects of them (Ghahramani &
/// Jordan, NIPS 6, 1994; Bovy, Hogg & Roweis, 2011).
Moments sweep(const Execution& execution, const Data& data, const Assignment& assignment,
              std::vector<double> centers, ScatterShape shape = ScatterShape::none, MomentNeeds needs = {});

/// Local. Runs work(block, thread) for the blocks of this rank. An exception is returned, to ride in a
/// reduction.
std::exception_ptr failure_of_blocks(const Execution& execution, const Data& data,
                                     const std::function<void(const Block&, int)>& work);

/// Bytes that one thread of a sweep needs besides the data; `rowwise`: where rows may
/// lack values or have errors.
std::int64_t sweep_bytes_per_thread(const MomentLayout& layout, Index block_rows, bool rowwise = false);
/// Bytes that a rank of so many rows keeps of the patterns of its gaps, at most.
std::int64_t pattern_bytes(const MomentLayout& layout, Index n_rows);

/// A row of the data, found or drawn; equal on all ranks. In its gaps stand column means.
struct FoundRow {
  Index row = -1;
  double value = 0.0;
  std::vector<double> x;
};

/// Collective. The row with the lowest value of the assignment (the highest if `highest`), lowest row
/// number on a tie; rows of weight zero do not take part.
FoundRow find_extreme_row(const Execution& execution, const Data& data, const Assignment& assignment,
                          bool highest);

}  // namespace gmmpi
