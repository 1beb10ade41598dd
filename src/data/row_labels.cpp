// RowLabels: reading, checking and summarising.
#include "gmmpi/data/row_labels.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/reading.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

constexpr Index kRowsAtOnce = 1 << 16;

}  // namespace

RowLabels::RowLabels(const Execution& execution, const Data& data, DataReader& labels, int n_classes)
    : name_(labels.name()), first_row_(data.grid().first_row(data.first_block())), n_rows_(n_classes) {
  execution.comm.together([&] { read(execution, data, labels, n_classes); });
  if (n_classes == kAnyClasses) {
    std::int64_t most = kUnknown;
    for (const std::int32_t label : labels_) most = std::max<std::int64_t>(most, label);
    execution.comm.max(std::span(&most, 1));
    n_rows_.resize(most + 1);
  }
  summarise(execution, data);
  check(n_classes != kAnyClasses);
}

RowLabels::RowLabels(const Execution& execution, const RowLabels& all, const Data& data)
    : name_(all.name_), first_row_(all.first_row_), labels_(all.labels_), n_rows_(all.n_rows_.size()) {
  for (std::size_t i = 0; i < labels_.size(); ++i)
    if (data.weight(first_row_ + static_cast<Index>(i)) == 0.0) labels_[i] = kUnknown;
  summarise(execution, data);
  check(true);
}

void RowLabels::read(const Execution& execution, const Data& data, DataReader& labels, int n_classes) {
  if (labels.n_rows() != data.grid().n_rows())
    throw Error(ExitCode::bad_data, fmt::format("{}: {} labels for {} rows; give one label per row",
                                                labels.name(), labels.n_rows(), data.grid().n_rows()));
  const bool any = n_classes == kAnyClasses;
  const int limit = any ? kMostClasses : n_classes;
  const Index end = data.grid().first_row(data.last_block());
  labels_.reserve(end - first_row_);
  std::vector<double> values(std::min(kRowsAtOnce, end - first_row_));
  for (Index first = first_row_; first < end; first += kRowsAtOnce) {
    check_stop(execution.stop);
    const Index count = std::min(kRowsAtOnce, end - first);
    labels.read(first, count, values.data());
    for (Index i = 0; i < count; ++i) {
      const double value = values[i];
      if (data.weight(first + i) == 0.0 || (std::isnan(value) && labels.storage().is_text)) {
        labels_.push_back(kUnknown);
        continue;
      }
      if (!(value >= -1.0 && value < limit && value == std::floor(value)))
        throw Error(
            ExitCode::bad_data,
            fmt::format("{}: the label of row {} is {:g}; {}labels are whole numbers from 0 to {}, or "
                        "-1 where the class is unknown",
                        labels.name(), first + i, value,
                        any ? "" : fmt::format("with `n_components` {} ", n_classes), limit - 1));
      labels_.push_back(static_cast<std::int32_t>(value));
    }
  }
}

void RowLabels::summarise(const Execution& execution, const Data& data) {
  const BlockGrid& grid = data.grid();
  std::vector<std::int64_t> sums(n_rows_.size() + 4);  // rows of each class, words of the blocks' hashes
  std::int64_t* words = sums.data() + n_rows_.size();
  for (const std::int32_t label : labels_)
    if (label != kUnknown) ++sums[label];
  for (Index block = data.first_block(); block < data.last_block(); ++block) {
    const XXH128_hash_t hash =
        XXH3_128bits_withSeed(labels_.data() + (grid.first_row(block) - first_row_),
                              sizeof(std::int32_t) * static_cast<std::size_t>(grid.rows_in(block)), block);
    const std::uint64_t halves[2] = {hash.low64, hash.high64};
    for (int i = 0; i < 4; ++i)
      words[i] += static_cast<std::int64_t>(halves[i / 2] >> (32 * (i % 2)) & 0xffffffffu);
  }
  execution.comm.sum(sums);
  std::copy_n(sums.begin(), n_rows_.size(), n_rows_.begin());
  n_known_ = std::accumulate(n_rows_.begin(), n_rows_.end(), Index{0});
  complete_ = n_known_ == data.summary().n_rows;
  for (int i = 3; i >= 0; --i)
    fingerprint_ += fmt::format("{:08x}", static_cast<std::uint32_t>(sums[n_rows_.size() + i]));
}

void RowLabels::check(bool all_have_rows) const {
  if (n_known_ == 0) throw Error(ExitCode::bad_data, name_ + ": no row has a label; leave them out");
  if (all_have_rows && complete_) require_rows_of_each_class();
}

void RowLabels::require_rows_of_each_class() const {
  const auto empty = std::ranges::find(n_rows_, 0);
  if (empty == n_rows_.end()) return;
  throw Error(ExitCode::bad_data,
              fmt::format("{}: class {} has no rows; number the classes from 0 without gaps, and give "
                          "`n_components` their number",
                          name_, empty - n_rows_.begin()));
}

}  // namespace gmmpi
