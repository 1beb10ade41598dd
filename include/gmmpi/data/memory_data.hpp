// This rank's rows held in memory, in the precision of the file.
#pragma once

#include <memory>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_format.hpp"

namespace gmmpi {

class BlockBuffer;

class MemoryData final : public Data {
 public:
  /// Collective. Reads this rank's rows, checks that all numbers are finite (rows of weight zero may hold
  /// anything; what becomes of NaN says `missing`), and summarises. `weights` may be null, and so may
  /// `errors`, of the rows' measurement: standard deviations (N, d) or covariances (N, d * d). Errors, equal
  /// on all ranks: 65 with row and column.
  MemoryData(const Execution& execution, DataReader& rows, DataReader* weights,
             Missing missing = Missing::error, DataReader* errors = nullptr);
  ~MemoryData() override;

  void for_each_block(const Execution& execution,
                      const std::function<void(const Block&, int thread)>& work) const override;
  void for_chosen_blocks(const Execution& execution, BlockChoice choice,
                         const std::function<void(const Block&, int thread)>& work) const override;
  std::vector<double> row(Index global_row) const override;
  double weight(Index global_row) const override {
    return weights_.empty() ? 1.0 : weights_[global_row - grid_.first_row(first_block_)];
  }

  /// Bytes that the rows (and weights) of the fullest of `n_ranks` ranks need.
  static std::int64_t bytes(const BlockGrid& grid, const RowFormat& format, bool weighted, int n_ranks);

 private:
  std::unique_ptr<BlockBuffer> rows_;
  std::vector<double> weights_;
};

}  // namespace gmmpi
