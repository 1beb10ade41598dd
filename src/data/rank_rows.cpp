// RankRows: from whoever holds them to whoever owns them.
#include "gmmpi/data/rank_rows.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

/// Collective. The number of rows of each rank.
std::vector<Index> counts_of_ranks(const Communicator& comm, const std::string& name, std::size_t n_values,
                                   int n_columns) {
  std::int64_t most_columns = n_columns;
  comm.max(std::span(&most_columns, 1));
  comm.together([&] {
    if (n_columns < 1 || n_columns != most_columns)
      throw Error(ExitCode::usage, name + ": " + std::to_string(n_columns) + " columns on rank " +
                                       std::to_string(comm.rank()) + ", " + std::to_string(most_columns) +
                                       " on another; give all ranks the same number, at least 1");
    if (n_values % static_cast<std::size_t>(n_columns) != 0)
      throw Error(ExitCode::usage, name + ": " + std::to_string(n_values) + " values on rank " +
                                       std::to_string(comm.rank()) + " are no rows of " +
                                       std::to_string(n_columns) + " columns; pass whole rows");
    if (n_values / n_columns > std::numeric_limits<int>::max())
      throw Error(ExitCode::usage,
                  name + ": more than 2^31 rows on rank " + std::to_string(comm.rank()) + "; use more ranks");
  });
  const Index mine = static_cast<Index>(n_values) / n_columns;
  return comm.all_gather(std::span(&mine, 1));
}

/// How many rows of [first, last) each rank has, where rank r has [begin(r), begin(r + 1)).
template <class Begin>
std::vector<int> overlaps(Index first, Index last, int n_ranks, Begin begin) {
  std::vector<int> counts;
  for (int r = 0; r < n_ranks; ++r)
    counts.push_back(
        static_cast<int>(std::max<Index>(0, std::min(last, begin(r + 1)) - std::max(first, begin(r)))));
  return counts;
}

}  // namespace

RankRows::RankRows(const Communicator& comm, std::string name, std::span<const double> rows, int n_columns) {
  name_ = std::move(name);
  n_columns_ = n_columns;
  collect(comm, rows, doubles_);
}

RankRows::RankRows(const Communicator& comm, std::string name, std::span<const float> rows, int n_columns) {
  name_ = std::move(name);
  n_columns_ = n_columns;
  element_ = ElementType::f4;
  collect(comm, rows, floats_);
}

template <class T>
void RankRows::collect(const Communicator& comm, std::span<const T> rows, std::vector<T>& own) {
  format_ = "memory";
  const std::vector<Index> counts = counts_of_ranks(comm, name_, rows.size(), n_columns_);
  std::vector<Index> held{0};  // rank r holds [held[r], held[r + 1])
  std::partial_sum(counts.begin(), counts.end(), std::back_inserter(held));
  n_rows_ = held.back();
  if (n_rows_ == 0) throw Error(ExitCode::bad_data, name_ + ": no rank has any rows; give at least one");

  const BlockGrid grid(n_rows_);
  const int rank = comm.rank(), n_ranks = comm.size();
  const auto owned = [&](int r) { return grid.first_row_of_rank(r, n_ranks); };
  first_row_ = owned(rank);
  comm.together([&] { own.resize(static_cast<std::size_t>(owned(rank + 1) - first_row_) * n_columns_); });
  comm.exchange(std::as_bytes(rows), std::as_writable_bytes(std::span(own)), sizeof(T) * n_columns_,
                overlaps(held[rank], held[rank + 1], n_ranks, owned),
                overlaps(first_row_, owned(rank + 1), n_ranks, [&](int r) { return held[r]; }));
}

template <class T>
void RankRows::copy(Index first, Index count, T* out) const {
  const Index offset = (first - first_row_) * n_columns_, n = count * n_columns_;
  const auto from = [&](const auto& own) {
    if (offset < 0 || offset + n > std::ssize(own))
      throw Error(ExitCode::internal, name_ + ": rows of another rank were asked for; use MemoryData");
    std::transform(own.begin() + offset, own.begin() + offset + n, out,
                   [](auto value) { return static_cast<T>(value); });
  };
  if (element_ == ElementType::f4)
    from(floats_);
  else
    from(doubles_);
}

void RankRows::read(Index first, Index count, double* out) {
  copy(first, count, out);
}

void RankRows::read(Index first, Index count, float* out) {
  copy(first, count, out);
}

}  // namespace gmmpi
