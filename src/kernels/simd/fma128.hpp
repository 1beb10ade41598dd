// 128-bit vectors of x86-64 with FMA: 2 doubles, 16 registers. Included by simd.hpp, which says what it
// brings.
constexpr int kWidth = 2;
constexpr int kRowVectors = 2;
constexpr int kColumnVectors = 2;
constexpr int kScatterRows = 4;
constexpr int kScatterVectors = 3;
constexpr bool kUnrolled = false;

using AllLanes = Lanes<0, 1>;
#include "kernels/simd/vector.hpp"

inline Vec fma(Vec a, Vec b, Vec c) {
  return _mm_fmadd_pd(a, b, c);
}
inline Vec square_root(Vec v) {
  return _mm_sqrt_pd(v);
}
inline unsigned not_zero(Vec v) {
  return static_cast<unsigned>(_mm_movemask_pd(_mm_cmpneq_pd(v, Vec{})));
}
inline int store_nonzero(Vec v, const double* x, int stride, double* values, const double** rows) {
  return store_lanes(not_zero(v), v, x, stride, values, rows);
}
