// AVX-512 (F, DQ, VL, BW): 8 doubles, 32 registers. Included by simd.hpp, which says what it brings.
constexpr int kWidth = 8;
constexpr int kRowVectors = 4;
constexpr int kColumnVectors = 4;
constexpr int kScatterRows = 8;
constexpr int kScatterVectors = 3;
constexpr bool kUnrolled = true;

using AllLanes = Lanes<0, 1, 2, 3, 4, 5, 6, 7>;
#include "kernels/simd/vector.hpp"

inline Vec fma(Vec a, Vec b, Vec c) {
  return _mm512_fmadd_pd(a, b, c);
}
inline Vec square_root(Vec v) {
  return _mm512_maskz_sqrt_pd(0xff, v);
}
inline unsigned not_zero(Vec v) {
  return _mm512_cmp_pd_mask(v, Vec{}, _CMP_NEQ_UQ);
}
inline int store_nonzero(Vec v, const double* x, int stride, double* values, const double** rows) {
  const unsigned counts = not_zero(v);
  const __m512i lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  const __m512i addresses =
      _mm512_add_epi64(_mm512_set1_epi64(reinterpret_cast<std::int64_t>(x)),
                       _mm512_mullo_epi64(lanes, _mm512_set1_epi64(std::int64_t{8} * stride)));
  const auto mask = static_cast<__mmask8>(counts);
  store(values, _mm512_maskz_compress_pd(mask, v));
  _mm512_storeu_si512(rows, _mm512_maskz_compress_epi64(mask, addresses));
  return __builtin_popcount(counts);
}
