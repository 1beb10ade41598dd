// A mini-batch: some blocks of the data, as data.
#pragma once

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// Hands out the chosen blocks only. The summary is that of all rows, whose ranges and weight bound those of
/// the batch.
class BatchData final : public Data {
 public:
  BatchData(const Data& all, BlockChoice choice) : all_(all), choice_(choice) {
    grid_ = all.grid();
    n_columns_ = all.n_columns();
    n_errors_ = all.n_errors();
    first_block_ = all.first_block();
    last_block_ = all.last_block();
    summary_ = all.summary();
  }

  void for_each_block(const Execution& execution,
                      const std::function<void(const Block&, int thread)>& work) const override {
    all_.for_chosen_blocks(execution, choice_, work);
  }
  std::vector<double> row(Index global_row) const override { return all_.row(global_row); }
  double weight(Index global_row) const override { return all_.weight(global_row); }

 private:
  const Data& all_;
  BlockChoice choice_;
};

}  // namespace gmmpi
