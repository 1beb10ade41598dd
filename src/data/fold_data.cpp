// Folds, FoldData: which rows are held out.
#include "data/fold_data.hpp"

#include <numeric>
#include <string>

#include "data/random.hpp"
#include "data/summary.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

std::vector<int> Folds::of_rows(Index first, Index last) const {
  GMMPI_EXPECT(n_folds >= 1 && first <= last);
  std::vector<int> folds, order(n_folds);
  folds.reserve(last - first);
  for (Index group = first / n_folds; group * n_folds < last; ++group) {
    std::iota(order.begin(), order.end(), 0);
    for (int i = n_folds - 1; i > 0; --i)  // Fisher & Yates
      std::swap(order[i], order[static_cast<int>(uniform(seed, Purpose::folds, group, i) * (i + 1))]);
    for (int i = 0; i < n_folds; ++i)
      if (const Index row = group * n_folds + i; first <= row && row < last) folds.push_back(order[i]);
  }
  return folds;
}

FoldData::FoldData(const Execution& execution, const Data& data, const Folds& folds, int fold, Part part)
    : data_(data) {
  GMMPI_EXPECT(fold >= 0 && fold < folds.n_folds);
  grid_ = data.grid();
  n_columns_ = data.n_columns();
  n_errors_ = data.n_errors();
  first_block_ = data.first_block();
  last_block_ = data.last_block();
  const Index first = grid_.first_row(first_block_), last = grid_.first_row(last_block_);
  const std::vector<int> of_rows = folds.of_rows(first, last);
  for (Index row = first; row < last; ++row) {
    const bool wanted = (of_rows[row - first] == fold) == (part == Part::held_out);
    weights_.push_back(wanted ? data.weight(row) : 0.0);
  }
  const std::string name = (part == Part::held_out ? "rows held out of fold " : "rows to fit of fold ");
  summary_ = summarise(execution, *this, name + std::to_string(fold), name + std::to_string(fold), nullptr,
                       data.summary().has_gaps() ? Missing::em : Missing::error);
  summary_.has_errors = data.summary().has_errors;
}

void FoldData::for_each_block(const Execution& execution,
                              const std::function<void(const Block&, int)>& work) const {
  const Index first = grid_.first_row(first_block_);
  data_.for_each_block(execution, [&](const Block& block, int thread) {
    Block weighted = block;
    weighted.weights = weights_.data() + (block.first_row - first);
    work(weighted, thread);
  });
}

}  // namespace gmmpi
