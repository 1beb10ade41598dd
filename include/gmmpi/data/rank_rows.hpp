// A table of rows that the ranks of an embedding program hold in memory.
#pragma once

#include <span>
#include <vector>

#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

class RankRows final : public DataReader {
 public:
  /// Collective. The rows of rank 0, then those of rank 1, and so on. `rows`: this rank's, n x n_columns,
  /// row-major, copied; n may differ from rank to rank and be 0. They move to the ranks that own them by the
  /// BlockGrid of all rows, so that results do not depend on who held which. `name` names them in messages.
  /// For sample weights n_columns is 1. Errors, equal on all ranks: 64 (numbers of columns that differ, or
  /// that do not divide the number of values), 65 (no rows at all).
  RankRows(const Communicator& comm, std::string name, std::span<const double> rows, int n_columns);
  /// Single precision, as which it stays in memory.
  RankRows(const Communicator& comm, std::string name, std::span<const float> rows, int n_columns);

  /// Rows of this rank by the grid, which is what MemoryData asks for; others are Error 70.
  void read(Index first, Index count, double* out) override;
  void read(Index first, Index count, float* out) override;

 private:
  template <class T>
  void collect(const Communicator& comm, std::span<const T> rows, std::vector<T>& own);
  template <class T>
  void copy(Index first, Index count, T* out) const;

  Index first_row_ = 0;
  std::vector<double> doubles_;
  std::vector<float> floats_;
};

}  // namespace gmmpi
