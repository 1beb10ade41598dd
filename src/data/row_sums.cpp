// sum_over_rows.
#include "data/row_sums.hpp"

#include <algorithm>
#include <exception>

#include "gmmpi/expect.hpp"
#include "kernels/table.hpp"
#include "parallel/exact_message.hpp"

namespace gmmpi {

std::vector<double> sum_over_rows(const Execution& execution, const Data& data, int n_sums,
                                  const std::function<void(const Tile&, double*)>& work) {
  GMMPI_EXPECT(n_sums >= 1);
  std::vector<ExactScalar> totals(std::size_t(n_sums) * execution.n_threads);
  std::vector<Tile> tiles(execution.n_threads, Tile(data.n_columns(), *execution.kernels));
  std::exception_ptr failure;
  try {
    data.for_each_block(execution, [&](const Block& block, int thread) {
      Tile& tile = tiles[thread];
      std::vector<double> values(std::size_t(n_sums) * kTileRows), lanes(std::size_t(n_sums) * kRowLanes);
      for (int offset = 0; offset < block.n_rows; offset += kTileRows) {
        tile.load(block, offset);
        work(tile, values.data());
        for (int i = 0; i < n_sums; ++i) {
          double* of_sum = values.data() + i * kTileRows;
          for (int r = 0; r < kTileRows; ++r) of_sum[r] *= tile.weights()[r];
          execution.kernels->sum_rows(of_sum, lanes.data() + i * kRowLanes);
        }
      }
      for (std::size_t e = 0; e < lanes.size(); ++e)
        totals[std::size_t(thread) * n_sums + e / kRowLanes].add(lanes[e]);
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

}  // namespace gmmpi
