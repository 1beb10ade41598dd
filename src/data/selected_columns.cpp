// SelectedColumns: copying columns, block by block.
#include "data/selected_columns.hpp"

#include "gmmpi/expect.hpp"

namespace gmmpi {

SelectedColumns::SelectedColumns(const Data& data, std::vector<int> columns)
    : data_(data), columns_(std::move(columns)) {
  grid_ = data.grid();
  n_columns_ = static_cast<int>(columns_.size());
  first_block_ = data.first_block();
  last_block_ = data.last_block();
  summary_ = data.summary();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    GMMPI_EXPECT(columns_[i] >= 0 && columns_[i] < data.n_columns());
    summary_.minimum[i] = data.summary().minimum[columns_[i]];
    summary_.maximum[i] = data.summary().maximum[columns_[i]];
  }
  Gaps& gaps = summary_.gaps;  // the incomplete rows of these columns are at most those of all
  for (std::size_t i = 0; i < columns_.size() && !gaps.n_missing.empty(); ++i) {
    gaps.n_missing[i] = data.summary().gaps.n_missing[columns_[i]];
    gaps.mean[i] = data.summary().gaps.mean[columns_[i]];
    gaps.variance[i] = data.summary().gaps.variance[columns_[i]];
  }
  summary_.minimum.resize(columns_.size());
  summary_.maximum.resize(columns_.size());
  if (gaps.n_missing.empty()) return;
  gaps.n_missing.resize(columns_.size());
  gaps.mean.resize(columns_.size());
  gaps.variance.resize(columns_.size());
}

void SelectedColumns::for_each_block(const Execution& execution,
                                     const std::function<void(const Block&, int)>& work) const {
  std::vector<std::vector<double>> buffers(execution.n_threads);
  data_.for_each_block(execution, [&](const Block& block, int thread) {
    std::vector<double>& buffer = buffers[thread];
    buffer.clear();
    std::visit(
        [&](const auto* rows) {
          for (int r = 0; r < block.n_rows; ++r)
            for (const int j : columns_)
              buffer.push_back(static_cast<double>(rows[Index{r} * data_.n_columns() + j]));
        },
        block.rows);
    Block selected = block;
    selected.rows = static_cast<const double*>(buffer.data());
    work(selected, thread);
  });
}

std::vector<double> SelectedColumns::row(Index global_row) const {
  const std::vector<double> all = data_.row(global_row);
  std::vector<double> x;
  for (const int j : columns_) x.push_back(all[j]);
  return x;
}

}  // namespace gmmpi
