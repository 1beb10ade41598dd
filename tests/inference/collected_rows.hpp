// A sink that keeps what the ranks write, as doubles.
#pragma once

#include <atomic>
#include <vector>

#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/parallel/communicator.hpp"

class CollectedRows final : public gmmpi::RowSink {
 public:
  using Index = gmmpi::Index;

  CollectedRows(const gmmpi::Communicator& comm, Index n_rows, std::vector<gmmpi::OutputColumn> columns)
      : comm_(comm), columns_(std::move(columns)) {
    const gmmpi::BlockGrid grid(n_rows);
    first_ = grid.first_row_of_rank(comm.rank(), comm.size());
    const Index last = grid.first_row_of_rank(comm.rank() + 1, comm.size());
    for (std::size_t c = 0; c < columns_.size(); ++c) values_.emplace_back((last - first_) * width(c), -77.0);
  }

  void write(std::size_t column, Index first, Index count, const void* values) const override {
    ++n_writes_;
    const Index w = width(column);
    for (Index i = 0; i < count * w; ++i)
      values_[column][(first - first_) * w + i] =
          columns_[column].type == gmmpi::OutputColumn::Type::i8
              ? static_cast<double>(static_cast<const std::int64_t*>(values)[i])
              : static_cast<const double*>(values)[i];
  }

  /// Collective. The whole array of that name.
  std::vector<double> all(const std::string& name) const {
    for (std::size_t c = 0; c < columns_.size(); ++c)
      if (columns_[c].name == name) return comm_.all_gather(std::span<const double>(values_[c]));
    return {};
  }
  /// Calls of `write` on this rank.
  Index n_writes() const { return n_writes_; }

 private:
  Index width(std::size_t c) const {
    return std::max<Index>(1, columns_[c].columns) * std::max<Index>(1, columns_[c].depth);
  }

  gmmpi::Communicator comm_;
  std::vector<gmmpi::OutputColumn> columns_;
  Index first_ = 0;
  mutable std::vector<std::vector<double>> values_;
  mutable std::atomic<Index> n_writes_ = 0;
};
