// Exact sums: splitting doubles into limbs, carrying, and rounding the total once.
#include "parallel/exact_sum.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "gmmpi/expect.hpp"

// The splitting is plain multiplication, addition and integer arithmetic: any vector width gives the same
// bits, so the widest that the processor has is chosen at load time.
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#define GMMPI_ANY_WIDTH __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define GMMPI_ANY_WIDTH
#endif

namespace gmmpi {

namespace {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

/// Exponent of the lowest bit of ExactScalar's limb 0: below the least denormal.
constexpr int kLowestExponent = -1088;
constexpr int kLimbBits = 40;
constexpr std::int64_t kLimb = std::int64_t{1} << kLimbBits;

/// Carry out of a signed limb of `bits` bits, leaving a remainder in [0, 2^bits).
std::int64_t carry(std::int64_t& limb, int bits) {
  const std::int64_t out = limb >> bits;
  limb -= out << bits;
  return out;
}

GMMPI_ANY_WIDTH void split_and_add(std::size_t n, const double* terms, const double* scale,
                                   std::int64_t* high, std::int64_t* middle, std::int64_t* low) {
  constexpr double magic = 0x1.8p52, step = static_cast<double>(kLimb);
  constexpr auto magic_bits = std::bit_cast<std::int64_t>(magic);
  for (std::size_t i = 0; i < n; ++i) {
    const double a = terms[i] * scale[i];
    const double a_rounded = a + magic;
    const double b = (a - (a_rounded - magic)) * step;
    const double b_rounded = b + magic;
    const double c = (b - (b_rounded - magic)) * step;
    const double c_rounded = c + magic;
    high[i] += std::bit_cast<std::int64_t>(a_rounded) - magic_bits;
    middle[i] += std::bit_cast<std::int64_t>(b_rounded) - magic_bits;
    low[i] += std::bit_cast<std::int64_t>(c_rounded) - magic_bits;
  }
}

}  // namespace

void ExactScalar::add(double term) {
  const auto bits = std::bit_cast<std::uint64_t>(term);
  const int biased = static_cast<int>(bits >> 52) & 0x7ff;
  if (biased == 0x7ff) {
    ++limbs_[kLimbs];
    return;
  }
  std::int64_t mantissa = static_cast<std::int64_t>(bits & ((std::uint64_t{1} << 52) - 1));
  if (biased > 0) mantissa |= std::int64_t{1} << 52;
  const int position = std::max(biased, 1) - 1075 - kLowestExponent;
  const Wide shifted = static_cast<Wide>(bits >> 63 ? -mantissa : mantissa) * (Wide{1} << (position % 32));
  std::int64_t* limb = limbs_.data() + position / 32;
  limb[0] += static_cast<std::int64_t>(shifted & 0xffffffff);
  limb[1] += static_cast<std::int64_t>((shifted >> 32) & 0xffffffff);
  limb[2] += static_cast<std::int64_t>(shifted >> 64);
}

void ExactScalar::add(const ExactScalar& other) {
  for (int i = 0; i <= kLimbs; ++i) limbs_[i] += other.limbs_[i];
}

void ExactScalar::normalise() {
  for (int i = 0; i + 1 < kLimbs; ++i) limbs_[i + 1] += carry(limbs_[i], 32);
}

double ExactScalar::value() const {
  GMMPI_EXPECT(std::all_of(limbs_.begin(), limbs_.begin() + kLimbs - 1,
                           [](std::int64_t limb) { return limb >> 32 == 0; }));  // normalised
  if (limbs_[kLimbs] != 0) return std::numeric_limits<double>::quiet_NaN();
  const bool negative = limbs_[kLimbs - 1] < 0;
  ExactScalar magnitude = *this;
  if (negative)
    for (int i = 0; i < kLimbs; ++i) magnitude.limbs_[i] = -magnitude.limbs_[i];
  magnitude.normalise();
  int top = kLimbs - 1;
  while (top > 0 && magnitude.limbs_[top] == 0) --top;
  // Four limbs hold more than 64 significant bits; what lies below them only decides ties.
  UnsignedWide lead = 0;
  for (int i = top; i > top - 4; --i)
    lead = (lead << 32) | static_cast<std::uint64_t>(i >= 0 ? magnitude.limbs_[i] : 0);
  for (int i = top - 4; i >= 0; --i)
    if (magnitude.limbs_[i] != 0) lead |= 1;
  const double value = std::ldexp(static_cast<double>(lead), kLowestExponent + 32 * (top - 3));
  return negative ? -value : value;
}

ExactArray::ExactArray(std::span<const double> bounds, std::span<const int> finest) : scale_(bounds.size()) {
  GMMPI_EXPECT(finest.empty() || finest.size() == bounds.size());
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    GMMPI_EXPECT(bounds[i] >= 0.0 && std::isfinite(bounds[i]));
    int exponent = 0;
    std::frexp(bounds[i], &exponent);  // bound < 2^exponent
    exponent = std::max(exponent, -960);
    scale_[i] = std::ldexp(1.0, kLimbBits - 2 - exponent);
    if (!finest.empty())
      n_limbs_ = std::max(n_limbs_, (exponent + 2 - finest[i] + kLimbBits - 1) / kLimbBits);
  }
  limbs_.resize(n_limbs_ * bounds.size());
}

void ExactArray::split_finely(std::span<const double> terms, std::size_t first) {
  constexpr double magic = 0x1.8p52, step = static_cast<double>(kLimb);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    double rest = terms[i] * scale_[first + i];
    for (int l = 0; l < n_limbs_ && rest != 0.0; ++l) {
      const double rounded = (rest + magic) - magic;
      limbs_[l * size() + first + i] += static_cast<std::int64_t>(rounded);
      rest = (rest - rounded) * step;
    }
  }
}

void ExactArray::add(std::span<const double> terms, std::size_t first) {
  GMMPI_EXPECT(first + terms.size() <= size());
  for (std::size_t i = 0; kAssertions && i < terms.size(); ++i)  // within their bounds
    GMMPI_EXPECT(std::abs(terms[i]) * scale_[first + i] <= 0x1p38);
  if (n_limbs_ > 3) return split_finely(terms, first);
  const std::size_t n = size();
  std::int64_t* high = limbs_.data() + first;
  split_and_add(terms.size(), terms.data(), scale_.data() + first, high, high + n, high + 2 * n);
}

void ExactArray::add(const ExactArray& other) {
  GMMPI_EXPECT(limbs_.size() == other.limbs_.size() && scale_ == other.scale_);
  for (std::size_t i = 0; i < limbs_.size(); ++i) limbs_[i] += other.limbs_[i];
}

void ExactArray::normalise() {
  const std::size_t n = size();
  for (int l = n_limbs_ - 1; l > 0; --l)
    for (std::size_t i = 0; i < n; ++i) limbs_[(l - 1) * n + i] += carry(limbs_[l * n + i], kLimbBits);
}

double ExactArray::value(std::size_t i) const {
  GMMPI_EXPECT(i < size());
  const std::size_t n = size();
  if (n_limbs_ == 3) {
    const Wide total = Wide{limbs_[i]} * kLimb * kLimb + Wide{limbs_[n + i]} * kLimb + limbs_[2 * n + i];
    return std::ldexp(static_cast<double>(total), -2 * kLimbBits) / scale_[i];
  }
  std::vector<std::int64_t> magnitude(n_limbs_ + 2);  // and two limbs of zeros
  const bool negative = limbs_[i] < 0;
  for (int l = 0; l < n_limbs_; ++l) magnitude[l] = negative ? -limbs_[l * n + i] : limbs_[l * n + i];
  for (int l = n_limbs_ - 1; l > 0; --l) magnitude[l - 1] += carry(magnitude[l], kLimbBits);
  int top = 0;
  while (top + 1 < n_limbs_ && magnitude[top] == 0) ++top;
  Wide lead = Wide{magnitude[top]} * kLimb * kLimb + Wide{magnitude[top + 1]} * kLimb + magnitude[top + 2];
  // Three limbs hold more than 64 significant bits; what lies below them only decides ties.
  if (std::any_of(magnitude.begin() + top + 3, magnitude.end(), [](std::int64_t l) { return l != 0; }))
    lead |= 1;
  const double value = std::ldexp(static_cast<double>(lead) / scale_[i], -kLimbBits * (top + 2));
  return negative ? -value : value;
}

double ExactArray::quantum(std::size_t i) const {
  GMMPI_EXPECT(i < size());
  return std::ldexp(1.0 / scale_[i], -kLimbBits * (n_limbs_ - 1));
}

}  // namespace gmmpi
