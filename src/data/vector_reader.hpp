// A table whose rows are in memory already.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

class VectorReader final : public DataReader {
 public:
  /// `values`: N x n_columns, row-major, the same on every rank.
  VectorReader(std::string name, std::vector<double> values, int n_columns) : values_(std::move(values)) {
    name_ = std::move(name);
    n_columns_ = n_columns;
    n_rows_ = std::ssize(values_) / n_columns;
    GMMPI_EXPECT(n_rows_ * n_columns == std::ssize(values_));
  }
  void read(Index first, Index count, double* out) override { copy(first, count, out); }
  void read(Index first, Index count, float* out) override { copy(first, count, out); }

 private:
  template <class T>
  void copy(Index first, Index count, T* out) const {
    GMMPI_EXPECT(first >= 0 && count >= 0 && first + count <= n_rows_);
    const double* from = values_.data() + first * n_columns_;
    std::transform(from, from + count * n_columns_, out, [](double x) { return static_cast<T>(x); });
  }

  std::vector<double> values_;
};

}  // namespace gmmpi
