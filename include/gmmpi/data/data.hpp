// The rows of this rank, as blocks of the global grid: what every sweep runs over.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "gmmpi/data/block_grid.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

/// What becomes of rows that lack values (NaN): an error, left out as if of weight zero, or fitted by what
/// they have.
enum class Missing { error, drop, em };

/// Facts about rows that lack values.
struct Gaps {
  Index n_rows = 0;                     ///< incomplete rows of positive weight
  Index n_left_out = 0;                 ///< rows of weight zero because values, or all of them, are missing
  std::vector<Index> n_missing;         ///< (d) in rows of positive weight; empty where nothing is missing
  std::vector<double> mean, variance;   ///< (d) of the values that are there; empty where nothing is missing
  std::vector<double> observed_weight;  ///< (d) sum of the weights of rows that have a value; likewise
};

/// Facts about all rows of positive weight, equal on all ranks, whatever their number. Ranges are those of
/// the values that are there.
struct DataSummary {
  Index n_rows = 0;           ///< rows of positive weight
  double total_weight = 0.0;  ///< sum of the sample weights; n_rows without them
  double max_weight = 1.0, least_weight = 1.0;
  std::vector<double> minimum, maximum;  ///< per column
  std::vector<double> least_magnitude;   ///< per column: min |x| but for zeros; infinite if all are
  std::string fingerprint;               ///< of all numbers and weights; independent of file format and ranks
  Gaps gaps;
  bool has_errors = false;  ///< some row was measured with an error above 0

  bool has_gaps() const { return gaps.n_rows > 0; }
  bool tells_all() const { return !has_gaps() && !has_errors; }
};

/// Rows of one block. `rows` points to float or double, row-major, `n_rows` x d; a missing value is NaN.
struct Block {
  Index index = 0;
  Index first_row = 0;
  int n_rows = 0;
  std::variant<const float*, const double*> rows;
  const double* weights = nullptr;  ///< n_rows sample weights, or null: all 1
  /// Errors of the rows: standard deviations (n_rows, d), or covariances (n_rows, d, d).
  std::variant<const float*, const double*> errors = static_cast<const double*>(nullptr);
  int n_errors = 0;  ///< numbers of a row: 0 (there are none), d or d * d
  /// Rows are taken one by one, each with the columns that it has and with its errors.
  bool rowwise = false;
  const Index* numbers = nullptr;  ///< n_rows global numbers of the rows, or null: from first_row on

  Index number(int r) const { return numbers ? numbers[r] : first_row + r; }
};

/// The blocks b of the grid with b mod `step` = `rest`: every step-th, wherever ranks begin.
struct BlockChoice {
  Index step = 1, rest = 0;
  bool has(Index block) const { return block % step == rest; }
  /// The first of them that is not before `block`.
  Index from(Index block) const { return block + (rest - block % step + step) % step; }
};

/// Where rows come from. Implementations hand out the blocks of this rank to the threads.
class Data {
 public:
  virtual ~Data() = default;

  const BlockGrid& grid() const { return grid_; }
  int n_columns() const { return n_columns_; }
  int n_errors() const { return n_errors_; }  ///< of a row, as Block has them
  const DataSummary& summary() const { return summary_; }
  Index first_block() const { return first_block_; }
  Index last_block() const { return last_block_; }

  /// Local. Calls work(block, thread) once for each block of this rank, in any order, on
  /// `execution.n_threads` threads.
  virtual void for_each_block(const Execution& execution,
                              const std::function<void(const Block&, int thread)>& work) const = 0;
  /// Local. The same for the chosen blocks of this rank; the others are not read.
  virtual void for_chosen_blocks(const Execution& execution, BlockChoice choice,
                                 const std::function<void(const Block&, int thread)>& work) const {
    for_each_block(execution, [&](const Block& block, int thread) {
      if (choice.has(block.index)) work(block, thread);
    });
  }
  /// Local; by one thread at a time, and not from within for_each_block. One row of this rank, as doubles. It
  /// may be read from the file: call it inside Communicator::together.
  virtual std::vector<double> row(Index global_row) const = 0;
  /// Local. Its sample weight.
  virtual double weight(Index global_row) const = 0;

 protected:
  BlockGrid grid_;
  int n_columns_ = 0, n_errors_ = 0;
  Index first_block_ = 0, last_block_ = 0;
  DataSummary summary_;
};

/// Collective. True if there are at least `wanted` different rows (of positive weight).
bool has_distinct_rows(const Execution& execution, const Data& data, Index wanted);

}  // namespace gmmpi
