// Order statistics of distributed numbers, by counting digits of their bits.
#include "inference/quantile.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

constexpr int kDigitBits = 16;
constexpr std::uint64_t kDigits = std::uint64_t{1} << kDigitBits;
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

/// Unsigned integers in the order of the doubles.
std::uint64_t key_of(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return bits & kSign ? ~bits : bits | kSign;
}

double value_of(std::uint64_t key) {
  return std::bit_cast<double>(key & kSign ? key & ~kSign : ~key);
}

/// Collective. The value that `rank_in_order` (from 0) others precede: its digits are found one after the
/// other, each by counting the next digit of the values that agree with those found so far.
double order_statistic(const Communicator& comm, std::span<const double> values, std::int64_t rank_in_order) {
  std::uint64_t found = 0;
  for (int shift = 64 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    std::vector<std::int64_t> counts(kDigits);
    for (const double value : values) {
      const std::uint64_t head = key_of(value) >> shift;
      if (head / kDigits == found) ++counts[head % kDigits];
    }
    comm.sum(counts);
    std::uint64_t digit = 0;
    for (; rank_in_order >= counts[digit]; ++digit) rank_in_order -= counts[digit];
    found = found * kDigits + digit;
  }
  return value_of(found);
}

}  // namespace

double quantile(const Communicator& comm, std::span<const double> values, double q) {
  auto n = static_cast<std::int64_t>(values.size());
  comm.sum(std::span(&n, 1));
  GMMPI_EXPECT(q >= 0.0 && q <= 1.0 && n >= 1);
  GMMPI_EXPECT(std::none_of(values.begin(), values.end(), [](double value) { return std::isnan(value); }));
  const double h = static_cast<double>(n - 1) * q, whole = std::floor(h);
  const auto below = static_cast<std::int64_t>(whole);
  const double lower = order_statistic(comm, values, below);
  if (h == whole) return lower;
  const double upper = order_statistic(comm, values, below + 1);
  const double part = h - whole, gap = upper - lower;  // never beyond an end, however it rounds
  return part < 0.5 ? lower + gap * part : upper - gap * (1.0 - part);
}

}  // namespace gmmpi
