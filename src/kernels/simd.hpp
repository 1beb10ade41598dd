// A vector of kWidth doubles of one instruction set: loads, stores, fused multiply-add, select. Included once
// per target (src/kernels/targets), inside that target's namespace, so that no inline function compiled for
// one instruction set can be picked by the linker for another. GMMPI_INSTRUCTIONS is the header in
// src/kernels/simd of an instruction set. It brings
//
//   kWidth          doubles in a vector
//   kRowVectors     row vectors that a register tile of the E-step holds
//   kColumnVectors  vectors of columns that the diagonal kernels of the M-step take at a time: 2 or 4
//   kScatterRows    rows of the scatter matrix that a register tile of the M-step holds: 4 or 8
//   kScatterVectors and vectors of its columns: 3 or 4
//   kUnrolled       whether eliminations are unrolled by the number of columns
//   Vec, Bits       vectors of doubles, and of the integers that are their bits
//
//   load, store, all, to_bits, from_bits, exponent_field, gathered, transpose; fma, square_root
//   not_zero        one bit per lane: set where it is not zero
//   store_nonzero   stores the lanes of v that are not zero, and addresses x + lane * stride, where their
//                   rows begin; returns how many. A whole vector may be written to either.
//
// Lanes are always independent outputs. Every operation is an IEEE one, and every product that is added is an
// explicit fused multiply-add, so all instruction sets give the same bits.
using Index = std::int64_t;
constexpr int kLanes = kRowLanes;

template <int...>
struct Lanes {};

#include GMMPI_INSTRUCTIONS

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
