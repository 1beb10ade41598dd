// A vector of GMMPI_WIDTH doubles: loads, stores, fused multiply-add, select. Included once per
// target (src/kernels/targets), inside that target's namespace, so that no inline function compiled
// for one instruction set can be picked by the linker for another.
//
// Lanes are always independent outputs. Every operation is an IEEE one, and every product that is
// added is an explicit fused multiply-add, so all widths give the same bits.
using Index = std::int64_t;
constexpr int kWidth = GMMPI_WIDTH;

#if GMMPI_WIDTH == 1
using Vec = double;
using Bits = std::int64_t;
inline Vec fma(Vec a, Vec b, Vec c) {
  return __builtin_fma(a, b, c);
}
inline Vec square_root(Vec v) {
  return __builtin_sqrt(v);
}
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
#else
using Vec = double __attribute__((vector_size(GMMPI_WIDTH * 8)));
using Bits = std::int64_t __attribute__((vector_size(GMMPI_WIDTH * 8)));
using Unaligned [[gnu::aligned(8)]] = Vec;  // of the name: Clang ignores an alignment inside the type
#if GMMPI_WIDTH == 8
inline Vec fma(Vec a, Vec b, Vec c) {
  return _mm512_fmadd_pd(a, b, c);
}
inline Vec square_root(Vec v) {
  return _mm512_maskz_sqrt_pd(0xff, v);
}
#elif GMMPI_WIDTH == 4
inline Vec fma(Vec a, Vec b, Vec c) {
  return _mm256_fmadd_pd(a, b, c);
}
inline Vec square_root(Vec v) {
  return _mm256_sqrt_pd(v);
}
#else
inline Vec fma(Vec a, Vec b, Vec c) {
  return _mm_fmadd_pd(a, b, c);
}
inline Vec square_root(Vec v) {
  return _mm_sqrt_pd(v);
}
#endif
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
  using Unsigned = std::uint64_t __attribute__((vector_size(GMMPI_WIDTH * 8)));
  return reinterpret_cast<Bits>(reinterpret_cast<Unsigned>(b) >> 52);
}
#endif

template <int...>
struct Lanes {};
#if GMMPI_WIDTH == 8
using AllLanes = Lanes<0, 1, 2, 3, 4, 5, 6, 7>;
#elif GMMPI_WIDTH == 4
using AllLanes = Lanes<0, 1, 2, 3>;
#elif GMMPI_WIDTH == 2
using AllLanes = Lanes<0, 1>;
#endif

/// A vector of entry(0), entry(1), ...
#if GMMPI_WIDTH == 1
template <class Entry>
inline Vec gathered(const Entry& entry) {
  return entry(0);
}
#else
template <class Entry, int... Lane>
inline Vec gathered(const Entry& entry, Lanes<Lane...>) {
  return Vec{entry(Lane)...};
}
template <class Entry>
inline Vec gathered(const Entry& entry) {
  return gathered(entry, AllLanes());
}
#endif

constexpr int kRowVectors = GMMPI_WIDTH == 8 ? 4 : 2;  ///< row vectors a register tile of the E-step holds
constexpr int kLanes = kRowLanes;

/// One bit per lane: set where v is not zero.
inline unsigned not_zero(Vec v) {
#if GMMPI_WIDTH == 8
  return _mm512_cmp_pd_mask(v, Vec{}, _CMP_NEQ_UQ);
#elif GMMPI_WIDTH == 4
  return static_cast<unsigned>(_mm256_movemask_pd(_mm256_cmp_pd(v, Vec{}, _CMP_NEQ_UQ)));
#elif GMMPI_WIDTH == 2
  return static_cast<unsigned>(_mm_movemask_pd(_mm_cmpneq_pd(v, Vec{})));
#else
  return v != 0.0;
#endif
}

/// Stores the lanes of v that are not zero, and the addresses x + lane * stride of their rows; returns how
/// many. A whole vector may be written to either.
inline int store_nonzero(Vec v, const double* x, int stride, double* values, const double** rows) {
  const unsigned counts = not_zero(v);
#if GMMPI_WIDTH == 8
  const __m512i lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  const __m512i addresses =
      _mm512_add_epi64(_mm512_set1_epi64(reinterpret_cast<std::int64_t>(x)),
                       _mm512_mullo_epi64(lanes, _mm512_set1_epi64(std::int64_t{8} * stride)));
  const auto mask = static_cast<__mmask8>(counts);
  store(values, _mm512_maskz_compress_pd(mask, v));
  _mm512_storeu_si512(rows, _mm512_maskz_compress_epi64(mask, addresses));
  return __builtin_popcount(counts);
#else
  int n = 0;
  for (unsigned left = counts; left != 0; left &= left - 1, ++n) {
    const int lane = __builtin_ctz(left);
    rows[n] = x + lane * stride;
    double all_values[kWidth];
    store(all_values, v);
    values[n] = all_values[lane];
  }
  return n;
#endif
}

#if GMMPI_WIDTH > 1
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
#endif

/// A square matrix in registers, in place: blocks of half its size change places, then those in each of them.
inline void transpose([[maybe_unused]] Vec (&rows)[kWidth]) {
#if GMMPI_WIDTH > 1
  transpose_blocks<kWidth / 2>(rows);
#endif
}

inline Vec larger(Vec a, Vec b) {
  return a > b ? a : b;
}

/// e^x for low <= x <= 709; 0 below, where low >= -708 (no denormals). Cody-Waite reduction; the polynomial
/// of degree 12 interpolates (e^r - 1 - r) / r^2 at Chebyshev's points of |r| <= ln(2)/2, 0.01 of 2^-53 off
/// at most: 1 ulp in all.
inline Vec exp_or_zero(Vec x, Vec low) {
  const Vec magic = all(0x1.8p52);  // adding it leaves the rounded integer in the low bits
  const Vec clamped = larger(x, low);
  const Vec t = fma(clamped, all(0x1.71547652b82fep0), magic);
  const Vec n = t - magic;
  Vec r = fma(n, all(-0x1.62e42fefa39efp-1), clamped);
  r = fma(n, all(-0x1.abc9e3b39803fp-56), r);
  Vec p = all(0x1.1f730349868cep-29);
  p = fma(p, r, all(0x1.af4de97ca4194p-26));
  p = fma(p, r, all(0x1.27e4db646b17ep-22));
  p = fma(p, r, all(0x1.71de0231960ebp-19));
  p = fma(p, r, all(0x1.a01a01a6d889cp-16));
  p = fma(p, r, all(0x1.a01a01abe7fe1p-13));
  p = fma(p, r, all(0x1.6c16c16c162d4p-10));
  p = fma(p, r, all(0x1.11111111100dcp-7));
  p = fma(p, r, all(0x1.5555555555556p-5));
  p = fma(p, r, all(0x1.5555555555557p-3));
  p = fma(p, r, all(0.5));
  p = fma(p, r, all(1.0));
  p = fma(p, r, all(1.0));
  const Vec scaled = from_bits(to_bits(p) + (to_bits(t) << 52));
  return x < low ? all(0.0) : scaled;
}

inline Vec exp(Vec x) {
  return exp_or_zero(x, all(-708.0));
}

/// ln (2^e m) for m in [sqrt(1/2), sqrt(2)): ln m = 2 atanh(s), s = (m-1)/(m+1).
inline Vec log_of_parts(Vec m, Vec e) {
  const Vec f = m - all(1.0);
  const Vec s = f / (m + all(1.0));
  const Vec z = s * s;
  Vec p = all(2.0 / 21.0);  // series of 2 atanh(s)/s - 2, |s| <= 0.1716
  p = fma(p, z, all(2.0 / 19.0));
  p = fma(p, z, all(2.0 / 17.0));
  p = fma(p, z, all(2.0 / 15.0));
  p = fma(p, z, all(2.0 / 13.0));
  p = fma(p, z, all(2.0 / 11.0));
  p = fma(p, z, all(2.0 / 9.0));
  p = fma(p, z, all(2.0 / 7.0));
  p = fma(p, z, all(2.0 / 5.0));
  p = fma(p, z, all(2.0 / 3.0));
  // ln m = f - f^2/2 + s (f^2/2 + z p), which keeps the leading term exact.
  const Vec half_square = all(0.5) * f * f;
  Vec tail = fma(s, fma(z, p, half_square), e * all(0x1.abc9e3b39803fp-56));
  tail = tail - half_square;
  return fma(e, all(0x1.62e42fefa39efp-1), f + tail);
}

/// ln x for positive normal x = 2^e m.
inline Vec log(Vec x) {
  const Bits offset = to_bits(x) - to_bits(all(0x1.6a09e667f3bcdp-1));
  const Bits exponent = offset >> 52;
  const Vec m = from_bits(to_bits(x) - (exponent << 52));
  const Vec magic = all(0x1.8p52);
  return log_of_parts(m, from_bits(exponent + to_bits(magic)) - magic);
}
