// Which second moments are accumulated, and how they are laid out.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gmmpi {

/// None, one variance per column and component, one matrix per component, or one matrix for all components
/// together.
enum class ScatterShape { none, diagonal, full, pooled };

/// Number of second moments per component (per model for `pooled`): the diagonal, or the upper triangle row
/// by row.
constexpr std::int64_t scatter_size(ScatterShape shape, int d) {
  if (shape == ScatterShape::none) return 0;
  return shape == ScatterShape::diagonal ? d : std::int64_t{d} * (d + 1) / 2;
}

/// Where each sum stands among the plain ones: K weights of the moments, then K x d first moments, then the
/// second moments (K, or 1 if pooled, times scatter_size), then n_own x K further sums of the components.
struct MomentLayout {
  int K = 0, d = 0;
  ScatterShape shape = ScatterShape::none;
  int n_own = 0;

  bool has_second() const { return shape != ScatterShape::none; }
  bool is_pooled() const { return shape == ScatterShape::pooled; }
  bool is_diagonal() const { return shape == ScatterShape::diagonal; }
  std::int64_t n_scatters() const { return is_pooled() ? 1 : K; }
  std::int64_t first() const { return K; }
  std::int64_t second() const { return K + std::int64_t{K} * d; }
  std::int64_t own() const { return second() + n_scatters() * scatter_size(shape, d); }
  std::int64_t size() const { return own() + std::int64_t{n_own} * K; }

  /// The place of entry (i, j), i <= j, of component k's (or the pooled) scatter among the second moments.
  std::int64_t entry(int k, int i, int j) const {
    const std::int64_t row = std::int64_t{i} * d - std::int64_t{i} * (i - 1) / 2;
    return (is_pooled() ? 0 : k * scatter_size(shape, d)) + (is_diagonal() ? i : row + (j - i));
  }
  /// Calls f(i, j, place) for each of them, in order.
  template <class F>
  void for_each_entry(int k, F f) const {
    if (!has_second()) return;
    std::int64_t place = entry(k, 0, 0);
    for (int i = 0; i < d; ++i)
      for (int j = i; j < (is_diagonal() ? i + 1 : d); ++j) f(i, j, place++);
  }
};

}  // namespace gmmpi
