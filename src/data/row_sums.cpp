// sum_over_blocks, sum_over_rows.
#include "data/row_sums.hpp"

#include <algorithm>
#include <exception>

#include "gmmpi/expect.hpp"
#include "kernels/table.hpp"
#include "parallel/exact_message.hpp"

namespace gmmpi {

void BlockTotals::add(const Tile& tile) {
  for (std::size_t i = 0; i < lanes_.size() / kRowLanes; ++i) {
    double* of_sum = values_.data() + i * kTileRows;
    for (int r = 0; r < kTileRows; ++r) of_sum[r] *= tile.weights()[r];
    kernels_.sum_rows(of_sum, lanes_.data() + i * kRowLanes);
  }
}

std::vector<double> sum_over_blocks(const Execution& execution, const Data& data, int n_sums,
                                    const std::function<void(const Block&, int, BlockTotals&)>& work) {
  GMMPI_EXPECT(n_sums >= 1);
  std::vector<ExactScalar> totals(std::size_t(n_sums) * execution.n_threads);
  std::exception_ptr failure;
  try {
    data.for_each_block(execution, [&](const Block& block, int thread) {
      BlockTotals of_block(n_sums, *execution.kernels);
      work(block, thread, of_block);
      for (std::size_t e = 0; e < of_block.lanes().size(); ++e)
        totals[std::size_t(thread) * n_sums + e / kRowLanes].add(of_block.lanes()[e]);
    });
  } catch (...) {
    failure = std::current_exception();
  }
  ExactMessage message;
  for (int i = 0; i < n_sums; ++i) {
    for (int t = 1; t < execution.n_threads; ++t) totals[i].add(totals[std::size_t(t) * n_sums + i]);
    message.add(totals[i]);
  }
  message.sum(execution.comm, failure);
  std::vector<double> values;
  for (int i = 0; i < n_sums; ++i) values.push_back(totals[i].value());
  return values;
}

std::vector<double> sum_over_rows(const Execution& execution, const Data& data, int n_sums,
                                  const std::function<void(const Tile&, double*)>& work) {
  std::vector<Tile> tiles(execution.n_threads, Tile(data.n_columns(), *execution.kernels));
  return sum_over_blocks(execution, data, n_sums, [&](const Block& block, int thread, BlockTotals& totals) {
    for (int offset = 0; offset < block.n_rows; offset += kTileRows) {
      tiles[thread].load(block, offset);
      work(tiles[thread], totals.values());
      totals.add(tiles[thread]);
    }
  });
}

}  // namespace gmmpi
