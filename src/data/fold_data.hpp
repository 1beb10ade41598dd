// One fold of other data for cross-validation: the rows to fit, or the rows held out.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// A partition of the rows into `n_folds` folds of equal size (within one row): of every n_folds consecutive
/// rows each fold gets one, in an order drawn by (seed, number of the group). So it depends on neither ranks
/// nor threads.
struct Folds {
  int n_folds = 5;
  std::uint64_t seed = 0;

  /// The folds of rows [first, last).
  std::vector<int> of_rows(Index first, Index last) const;
};

/// The rows of `data`, which must outlive it; those that are not wanted have weight zero. Nothing but the
/// weights is copied: 8 bytes per row.
class FoldData final : public Data {
 public:
  enum class Part { training, held_out };

  /// Collective. Error 65 if no row of positive weight is wanted.
  FoldData(const Execution& execution, const Data& data, const Folds& folds, int fold, Part part);

  void for_each_block(const Execution& execution,
                      const std::function<void(const Block&, int thread)>& work) const override;
  std::vector<double> row(Index global_row) const override { return data_.row(global_row); }
  double weight(Index global_row) const override {
    return weights_[global_row - grid_.first_row(first_block_)];
  }

 private:
  const Data& data_;
  std::vector<double> weights_;
};

}  // namespace gmmpi
