// Sampler, draw_blocks, DrawnData.
#include "inference/drawn_data.hpp"

#include <algorithm>

#include "data/random.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

Sampler::Sampler(const Mixture& mixture, std::uint64_t seed, const KernelTable& kernels)
    : m_(mixture), seed_(seed), kernels_(kernels) {
  GMMPI_EXPECT(std::ssize(m_.weights) == m_.n_components);
  double sum = 0.0;
  for (const double w : m_.weights) cumulative_.push_back(sum += w);
  if (m_.noise) cumulative_.push_back(sum + m_.noise->weight);
}

std::int64_t Sampler::draw(Index row, double* x) const {
  const double u = uniform(seed_, Purpose::sample_component, row, 0) * cumulative_.back();
  const auto k = std::min(std::upper_bound(cumulative_.begin(), cumulative_.end(), u) - cumulative_.begin(),
                          std::ssize(cumulative_) - 1);
  const RowRandom random = [&](int i) { return uniform(seed_, Purpose::sample_normal, row, i); };
  if (k == m_.n_components) {
    m_.noise->background->draw(random, x);
    return -1;
  }
  m_.component->draw(m_, static_cast<int>(k), random, kernels_, x);
  return k;
}

void draw_blocks(
    const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed,
    const std::function<void(Index, std::vector<double>&, const std::vector<std::int64_t>&)>& work) {
  GMMPI_EXPECT(n_rows >= 1);
  const BlockGrid grid(n_rows);
  const Index d = mixture.n_features;
  const Sampler sampler(mixture, seed, *execution.kernels);
  const int rank = execution.comm.rank(), size = execution.comm.size();
  execution.comm.together([&] {
    for_each_index(grid.first_block(rank, size), grid.first_block(rank + 1, size), execution.n_threads,
                   [&](Index block, int) {
                     const Index first = grid.first_row(block), n = grid.rows_in(block);
                     std::vector<double> x(n * d);
                     std::vector<std::int64_t> components(n);
                     for (Index r = 0; r < n; ++r) components[r] = sampler.draw(first + r, x.data() + r * d);
                     work(first, x, components);
                   });
  });
}

DrawnData::DrawnData(const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed)
    : sampler_(mixture, seed, *execution.kernels) {
  GMMPI_EXPECT(n_rows >= 1);
  grid_ = BlockGrid(n_rows);
  n_columns_ = mixture.n_features;
  first_block_ = grid_.first_block(execution.comm.rank(), execution.comm.size());
  last_block_ = grid_.first_block(execution.comm.rank() + 1, execution.comm.size());
  summary_.n_rows = n_rows;
  summary_.total_weight = static_cast<double>(n_rows);
}

void DrawnData::for_each_block(const Execution& execution,
                               const std::function<void(const Block&, int)>& work) const {
  std::vector<std::vector<double>> rows(execution.n_threads);
  for_each_index(first_block_, last_block_, execution.n_threads, [&](Index index, int thread) {
    if (execution.stop && execution.stop->requested())
      throw Error(ExitCode::stopped_early, execution.stop->reason());
    Block block;
    block.index = index;
    block.first_row = grid_.first_row(index);
    block.n_rows = static_cast<int>(grid_.rows_in(index));
    rows[thread].resize(std::size_t(block.n_rows) * n_columns_);
    for (int r = 0; r < block.n_rows; ++r)
      sampler_.draw(block.first_row + r, rows[thread].data() + std::size_t(r) * n_columns_);
    block.rows = static_cast<const double*>(rows[thread].data());
    work(block, thread);
  });
}

std::vector<double> DrawnData::row(Index global_row) const {
  std::vector<double> x(n_columns_);
  sampler_.draw(global_row, x.data());
  return x;
}

}  // namespace gmmpi
