// impute: completed rows, by every rank for its own rows.
#include "gmmpi/inference/impute.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "gmmpi/expect.hpp"
#include "inference/gap_conditional.hpp"

namespace gmmpi {

namespace {

/// One thread's work: what a block lacks, then the block as a whole, with that, once for each table.
class BlockImputation {
 public:
  BlockImputation(const Mixture& mixture, const ImputeOptions& options, const ObservedModels& models,
                  Index n_rows)
      : options_(options),
        d_(mixture.n_features),
        n_rows_(n_rows),
        tiles_(models),
        conditional_(mixture, models.kernels()),
        x_(d_) {
    all_columns_.resize(d_);
    for (int j = 0; j < d_; ++j) all_columns_[j] = j;
  }

  /// `T`: the type of the output.
  template <class T>
  void run(const Block& block, const RowSink& sink) {
    gaps_.clear();
    means_.clear();
    deviations_.clear();
    draws_.clear();
    tiles_.for_each(block,
                    [&](const Tile& tile, const ObservedModelPtr& model) { add_tile(block, tile, model); });
    for (int r = 0; r < block.n_rows; ++r)
      if (block.weights && block.weights[r] == 0.0) {
        conditional_.evaluate_nothing();
        add_row(0, block.first_row + r, r, all_columns_);
      }
    write<T>(block, sink);
  }

  const ImputeCounts& counts() const { return counts_; }

 private:
  void add_tile(const Block& block, const Tile& tile, const ObservedModelPtr& model) {
    if (model->pattern.is_complete()) return;
    conditional_.take(model);
    conditional_.evaluate(tile);
    for (int r = 0; r < tile.n_rows(); ++r)
      if (tile.weights()[r] > 0.0)
        add_row(r, tile.row(r), tile.row(r) - block.first_row, model->pattern.missing);
  }

  /// `r`: its place in the tile, `row`: its global number, `place`: in the block.
  void add_row(int r, Index row, Index place, const std::vector<int>& missing) {
    ++counts_.rows;
    counts_.entries += std::ssize(missing);
    const std::size_t first = gaps_.size(), n_draws = options_.n_draws;
    for (std::size_t j = 0; j < missing.size(); ++j) {
      const double mean = conditional_.mean(static_cast<int>(j), r);
      gaps_.push_back(static_cast<std::size_t>(place) * d_ + missing[j]);
      means_.push_back(mean);
      if (options_.standard_deviation)
        deviations_.push_back(std::sqrt(conditional_.variance(static_cast<int>(j), r, mean)));
    }
    draws_.resize(gaps_.size() * n_draws);
    for (std::size_t i = 0; i < n_draws; ++i) {
      conditional_.draw(r, options_.seed, row + static_cast<Index>(i) * n_rows_, x_.data());
      for (std::size_t j = 0; j < missing.size(); ++j) draws_[(first + j) * n_draws + i] = x_[j];
    }
  }

  template <class T>
  void write(const Block& block, const RowSink& sink) {
    std::size_t column = 0;
    std::vector<T> rows(std::size_t(block.n_rows) * d_);
    std::visit(
        [&](const auto* from) {
          std::transform(from, from + rows.size(), rows.begin(), [](auto x) { return static_cast<T>(x); });
        },
        block.rows);
    const auto put = [&](const std::vector<double>& values, std::size_t first, std::size_t step) {
      for (std::size_t g = 0; g < gaps_.size(); ++g)
        rows[gaps_[g]] = static_cast<T>(values[first + g * step]);
      sink.write(column++, block.first_row, block.n_rows, rows.data());
    };
    put(means_, 0, 1);
    if (options_.standard_deviation) {
      std::vector<double> deviations(rows.size());
      for (std::size_t g = 0; g < gaps_.size(); ++g) deviations[gaps_[g]] = deviations_[g];
      sink.write(column++, block.first_row, block.n_rows, deviations.data());
    }
    for (int i = 0; i < options_.n_draws; ++i) put(draws_, i, options_.n_draws);
  }

  const ImputeOptions& options_;
  int d_;
  Index n_rows_;
  ObservedTiles tiles_;
  GapConditional conditional_;
  std::vector<int> all_columns_;
  std::vector<std::size_t> gaps_;           ///< places in the block, row-major
  std::vector<double> means_, deviations_;  ///< of the gaps
  std::vector<double> draws_;               ///< (gaps, n_draws)
  std::vector<double> x_;
  ImputeCounts counts_;
};

}  // namespace

std::vector<OutputColumn> impute_columns(const ImputeOptions& options, int n_features,
                                         const std::vector<std::string>& names, OutputColumn::Type type) {
  using Type = OutputColumn::Type;
  GMMPI_EXPECT(type == Type::f4 || type == Type::f8);
  GMMPI_EXPECT(names.empty() || std::ssize(names) == n_features);
  const auto named = [&](const std::string& prefix, const std::string& suffix) {
    std::vector<std::string> out;
    for (int j = 0; j < n_features; ++j)
      out.push_back(fmt::format("{}{}{}", prefix, names.empty() ? fmt::format("x{}", j) : names[j], suffix));
    return out;
  };
  std::vector<OutputColumn> columns{{"/X", type, n_features, 0, names}};
  if (options.standard_deviation)
    columns.push_back({"/standard_deviation", Type::f8, n_features, 0, named("", "_sd")});
  for (int i = 0; i < options.n_draws; ++i) {
    columns.push_back({fmt::format("/draw{}", i), type, n_features, 0, named(fmt::format("draw{}_", i), "")});
  }
  return columns;
}

ImputeCounts impute(const Execution& execution, const Data& data, const Mixture& mixture,
                    const ImputeOptions& options, OutputColumn::Type type, const RowSink& sink) {
  GMMPI_EXPECT(data.n_columns() == mixture.n_features && options.n_draws >= 0);
  const ObservedModels models(mixture, data.summary(), *execution.kernels);
  std::vector<std::unique_ptr<BlockImputation>> threads;
  for (int t = 0; t < execution.n_threads; ++t)
    threads.push_back(std::make_unique<BlockImputation>(mixture, options, models, data.grid().n_rows()));
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int thread) {
      if (type == OutputColumn::Type::f4)
        threads[thread]->run<float>(block, sink);
      else
        threads[thread]->run<double>(block, sink);
    });
  });
  Index sums[2] = {};
  for (const auto& one : threads) {
    sums[0] += one->counts().rows;
    sums[1] += one->counts().entries;
  }
  execution.comm.sum(sums);
  return {sums[0], sums[1]};
}

}  // namespace gmmpi
