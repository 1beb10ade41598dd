// One double at a time. Included by simd.hpp, which says what it brings.
constexpr int kWidth = 1;
constexpr int kRowVectors = 2;
constexpr int kColumnVectors = 2;
constexpr int kScatterRows = 4;
constexpr int kScatterVectors = 3;
constexpr bool kUnrolled = false;

using Vec = double;
using Bits = std::int64_t;
inline Vec load(const double* p) {
  return *p;
}
inline void store(double* p, Vec v) {
  *p = v;
}
inline Vec all(double x) {
  return x;
}
inline Bits to_bits(Vec v) {
  return __builtin_bit_cast(Bits, v);
}
inline Vec from_bits(Bits b) {
  return __builtin_bit_cast(Vec, b);
}
inline Bits exponent_field(Bits b) {
  return static_cast<Bits>(static_cast<std::uint64_t>(b) >> 52);
}
template <class Entry>
inline Vec gathered(const Entry& entry) {
  return entry(0);
}
inline void transpose(Vec (&)[kWidth]) {}

inline Vec fma(Vec a, Vec b, Vec c) {
  return __builtin_fma(a, b, c);
}
inline Vec square_root(Vec v) {
  return __builtin_sqrt(v);
}
inline unsigned not_zero(Vec v) {
  return v != 0.0;
}
inline int store_nonzero(Vec v, const double* x, int, double* values, const double** rows) {
  if (v == 0.0) return 0;
  *values = v;
  *rows = x;
  return 1;
}
