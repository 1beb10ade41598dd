// Reading a rank's rows and weights: in pieces, heeding requests to stop.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/data/row_format.hpp"

namespace gmmpi {

/// Throws Error 75 if the execution is asked to stop. `stop` may be null.
void check_stop(const StopRequest* stop);

/// Rows of consecutive blocks, and their errors, in the precision of their files.
class BlockBuffer {
 public:
  /// Room for `most_blocks` blocks.
  BlockBuffer(const BlockGrid& grid, const RowFormat& format, Index most_blocks);
  /// Has the memory's pages placed where the threads are that will work on the blocks: of a machine with
  /// several domains of memory, the system takes them from that of the thread that writes first.
  void place(int n_threads);

  /// Reads blocks [first, last); Errors of the readers, 75.
  void read(const RowReaders& readers, Index first, Index last, const StopRequest* stop);

  bool holds(Index index) const { return first_ <= index && index < last_; }
  /// A block that it holds; weights are null.
  Block block(Index index) const;

 private:
  using Memory = std::unique_ptr<char, decltype(&std::free)>;

  BlockGrid grid_;
  RowFormat format_;
  Index most_blocks_;
  Index first_ = 0, last_ = 0;
  Memory rows_, errors_;  ///< in their element types
};

/// Sample weights of rows [first, first + count) of `n_rows`. Errors: 65 (not one weight per row, a weight
/// that is not finite or negative, naming its row), 75, those of the reader.
std::vector<double> read_weights(DataReader& weights, Index n_rows, Index first, Index count,
                                 const StopRequest* stop);

/// A row as doubles.
std::vector<double> row_of(const Block& block, Index global_row, int n_columns);

}  // namespace gmmpi
