// BlockSums: calls the scatter kernels and reads out their layouts.
#include "kernels/scatter.hpp"

#include <algorithm>

namespace gmmpi {

namespace {

constexpr int kLanes = kRowLanes;

bool is_full(ScatterShape shape) {
  return shape == ScatterShape::full || shape == ScatterShape::pooled;
}

std::int64_t first_stride(int d) {
  return d <= kSmallColumns ? kLanes * d : padded(d);
}

std::int64_t second_stride(ScatterShape shape, int d) {
  if (d <= kSmallColumns) return kLanes * scatter_size(shape, d);
  if (shape == ScatterShape::none) return 0;
  if (shape == ScatterShape::diagonal) return padded(d);
  std::int64_t size = 0;
  for (int i = 0; i < d; i += 4) size += std::int64_t{4} * (padded(d) - i / kPad * kPad);
  return size;
}

/// Sum of the 8 lanes in a fixed order.
double fold(const double* lane) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

}  // namespace

std::int64_t scatter_size(ScatterShape shape, int d) {
  switch (shape) {
    case ScatterShape::none:
      return 0;
    case ScatterShape::diagonal:
      return d;
    case ScatterShape::full:
    case ScatterShape::pooled:
      return std::int64_t{d} * (d + 1) / 2;
  }
  return 0;
}

BlockSums::BlockSums(const MomentLayout& layout)
    : layout_(layout),
      s1_stride_(first_stride(layout.d)),
      s2_stride_(second_stride(layout.shape, layout.d)),
      counts_(std::size_t(layout.K) * kLanes),
      s1_(layout.K * s1_stride_),
      s2_(layout.n_scatters() * s2_stride_),
      scratch_(std::size_t{2} * kTile * padded(layout.d)),
      plain_(layout.size()) {}

std::int64_t BlockSums::bytes(const MomentLayout& layout) {
  return 8 * (layout.K * (kLanes + first_stride(layout.d)) +
              layout.n_scatters() * second_stride(layout.shape, layout.d) + layout.size());
}

void BlockSums::clear() {
  std::ranges::fill(counts_, 0.0);
  std::ranges::fill(s1_, 0.0);
  std::ranges::fill(s2_, 0.0);
}

void BlockSums::add_tile(const KernelTable& kernels, const double* x, const double* xt, const double* gamma,
                         const double* centers) {
  const auto accumulate = is_full(layout_.shape)                    ? kernels.accumulate_full
                          : layout_.shape == ScatterShape::diagonal ? kernels.accumulate_diagonal
                                                                    : kernels.accumulate_first;
  ScatterTask task{layout_.d, x, xt, gamma, centers, s1_.data(), s2_.data(), scratch_.data()};
  for (int k = 0; k < layout_.K; ++k) {
    kernels.sum_rows(task.gamma, counts_.data() + std::int64_t{k} * kLanes);
    accumulate(task);
    task.gamma += kTile;
    task.center += layout_.d;
    task.s1 += s1_stride_;
    if (layout_.shape != ScatterShape::pooled) task.s2 += s2_stride_;
  }
}

const std::vector<double>& BlockSums::collect() {
  const int d = layout_.d;
  const bool lanes = d <= kSmallColumns;
  double* out = plain_.data();
  for (int k = 0; k < layout_.K; ++k) *out++ = fold(counts_.data() + std::int64_t{k} * kLanes);
  for (int k = 0; k < layout_.K; ++k) {
    const double* s1 = s1_.data() + k * s1_stride_;
    for (int j = 0; j < d; ++j) *out++ = lanes ? fold(s1 + j * kLanes) : s1[j];
  }
  const std::int64_t n = scatter_size(layout_.shape, d);
  for (std::int64_t k = 0; k < layout_.n_scatters(); ++k) {
    const double* s2 = s2_.data() + k * s2_stride_;
    if (lanes) {
      for (std::int64_t e = 0; e < n; ++e) *out++ = fold(s2 + e * kLanes);
    } else if (!is_full(layout_.shape)) {
      out = std::copy_n(s2, n, out);
    } else {
      for (int i = 0; i < d; ++i) {
        const int start = i / kPad * kPad, columns = padded(d) - start;
        out = std::copy(s2 + (i - start), s2 + (d - start), out);
        s2 += columns;
      }
    }
  }
  return plain_;
}

}  // namespace gmmpi
