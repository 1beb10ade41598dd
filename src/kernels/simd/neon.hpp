// NEON of aarch64: 2 doubles, 32 registers. Included by simd.hpp, which says what it brings.
constexpr int kWidth = 2;
constexpr int kRowVectors = 4;
constexpr int kColumnVectors = 4;
constexpr int kScatterRows = 4;
constexpr int kScatterVectors = 4;
constexpr bool kUnrolled = true;

using AllLanes = Lanes<0, 1>;
#include "kernels/simd/vector.hpp"

inline Vec fma(Vec a, Vec b, Vec c) {
  return vfmaq_f64(c, a, b);
}
inline Vec square_root(Vec v) {
  return vsqrtq_f64(v);
}
inline unsigned not_zero(Vec v) {
  const Bits bits = (v != Vec{}) & Bits{1, 2};
  return static_cast<unsigned>(bits[0] + bits[1]);
}
/// Without branches: what does not count is overwritten.
inline int store_nonzero(Vec v, const double* x, int stride, double* values, const double** rows) {
  values[0] = v[0];
  rows[0] = x;
  const int n = v[0] != 0.0;
  values[n] = v[1];
  rows[n] = x + stride;
  return n + (v[1] != 0.0);
}
