// optimal_matching: shortest augmenting paths.
#include "inference/matching.hpp"

#include <limits>

#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

constexpr int kNone = -1;

/// Rows enter one by one. Potentials keep every reduced cost c_ij - u_i - v_j at 0 or more, and at 0 for
/// pairs; a new row gets its column along the path of least reduced cost, found as by Dijkstra.
class Matcher {
 public:
  /// n_rows <= n_columns.
  Matcher(std::span<const double> cost, int n_rows, int n_columns)
      : cost_(cost),
        n_columns_(n_columns),
        row_potential_(n_rows),
        column_potential_(n_columns),
        row_of_(n_columns, kNone),
        column_of_(n_rows, kNone) {
    for (int row = 0; row < n_rows; ++row) augment(row);
  }

  const std::vector<int>& column_of() const { return column_of_; }

 private:
  double reduced(int row, int column) const {
    return cost_[std::size_t(row) * n_columns_ + column] - row_potential_[row] - column_potential_[column];
  }

  void augment(int first_row) {
    std::vector<double> distance(n_columns_, std::numeric_limits<double>::infinity());
    std::vector<int> previous_row(n_columns_, kNone);  // on the shortest path to the column
    std::vector<char> settled(n_columns_);
    double reached = 0.0;
    int row = first_row, column = kNone;
    do {
      for (int j = 0; j < n_columns_; ++j) {
        const double d = reached + reduced(row, j);
        if (settled[j] || d >= distance[j]) continue;
        distance[j] = d;
        previous_row[j] = row;
      }
      column = kNone;
      for (int j = 0; j < n_columns_; ++j)
        if (!settled[j] && (column == kNone || distance[j] < distance[column])) column = j;
      settled[column] = true;
      reached = distance[column];
      row = row_of_[column];
    } while (row != kNone);

    row_potential_[first_row] += reached;
    for (int j = 0; j < n_columns_; ++j) {
      if (!settled[j] || j == column) continue;
      row_potential_[row_of_[j]] += reached - distance[j];
      column_potential_[j] -= reached - distance[j];
    }
    // Along the path, every row hands its column to the row before it.
    while (column != kNone) {
      const int taker = previous_row[column], given_up = column_of_[taker];
      row_of_[column] = taker;
      column_of_[taker] = column;
      column = given_up;
    }
  }

  std::span<const double> cost_;
  int n_columns_;
  std::vector<double> row_potential_, column_potential_;
  std::vector<int> row_of_, column_of_;
};

}  // namespace

std::vector<int> optimal_matching(std::span<const double> cost, int n_rows, int n_columns) {
  GMMPI_EXPECT(n_rows >= 1 && n_columns >= 1 && cost.size() == std::size_t(n_rows) * n_columns);
  if (n_rows <= n_columns) return Matcher(cost, n_rows, n_columns).column_of();
  std::vector<double> transposed(cost.size());
  for (int i = 0; i < n_rows; ++i)
    for (int j = 0; j < n_columns; ++j)
      transposed[std::size_t(j) * n_rows + i] = cost[std::size_t(i) * n_columns + j];
  const Matcher matcher(transposed, n_columns, n_rows);
  std::vector<int> column_of(n_rows, kNone);
  for (int j = 0; j < n_columns; ++j) column_of[matcher.column_of()[j]] = j;
  return column_of;
}

}  // namespace gmmpi
