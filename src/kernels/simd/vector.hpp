// A vector of kWidth doubles by GCC's vector extensions: what instruction sets with vectors have in common.
// Included by their headers, behind kWidth and AllLanes.
using Vec = double __attribute__((vector_size(kWidth * 8)));
using Bits = std::int64_t __attribute__((vector_size(kWidth * 8)));
using Unaligned [[gnu::aligned(8)]] = Vec;  // of the name: Clang ignores an alignment inside the type

inline Vec load(const double* p) {
  return *reinterpret_cast<const Unaligned*>(p);
}
inline void store(double* p, Vec v) {
  *reinterpret_cast<Unaligned*>(p) = v;
}
inline Vec all(double x) {
  return x - Vec{};
}
inline Bits to_bits(Vec v) {
  return reinterpret_cast<Bits>(v);
}
inline Vec from_bits(Bits b) {
  return reinterpret_cast<Vec>(b);
}
/// Sign and exponent of doubles, as numbers from 0 to 4095.
inline Bits exponent_field(Bits b) {
  using Unsigned = std::uint64_t __attribute__((vector_size(kWidth * 8)));
  return reinterpret_cast<Bits>(reinterpret_cast<Unsigned>(b) >> 52);
}

/// A vector of entry(0), entry(1), ...
template <class Entry, int... Lane>
inline Vec gathered(const Entry& entry, Lanes<Lane...>) {
  return Vec{entry(Lane)...};
}
template <class Entry>
inline Vec gathered(const Entry& entry) {
  return gathered(entry, AllLanes());
}

/// store_nonzero (simd.hpp), lane by lane; `counts` has the bits of lanes that are not zero.
inline int store_lanes(unsigned counts, Vec v, const double* x, int stride, double* values,
                       const double** rows) {
  int n = 0;
  for (unsigned left = counts; left != 0; left &= left - 1, ++n) {
    const int lane = __builtin_ctz(left);
    rows[n] = x + lane * stride;
    double all_values[kWidth];
    store(all_values, v);
    values[n] = all_values[lane];
  }
  return n;
}

/// Of two rows of a matrix, `Distance` apart: exchanges a's lanes that have that bit set and b's that have
/// not.
template <int Distance, int... Lane>
inline void exchange(Vec& a, Vec& b, Lanes<Lane...>) {
  const Vec first = __builtin_shufflevector(a, b, (Lane & Distance ? kWidth + (Lane ^ Distance) : Lane)...);
  b = __builtin_shufflevector(a, b, (Lane & Distance ? kWidth + Lane : Lane ^ Distance)...);
  a = first;
}

template <int Distance>
inline void transpose_blocks(Vec (&rows)[kWidth]) {
  for (int r = 0; r < kWidth; ++r)
    if (!(r & Distance)) exchange<Distance>(rows[r], rows[r + Distance], AllLanes());
  if constexpr (Distance > 1) transpose_blocks<Distance / 2>(rows);
}

/// A square matrix in registers, in place: blocks of half its size change places, then those in each of them.
inline void transpose(Vec (&rows)[kWidth]) {
  transpose_blocks<kWidth / 2>(rows);
}
