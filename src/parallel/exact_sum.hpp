// Sums that do not depend on the order of their terms: fixed-point integers in int64 limbs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gmmpi {

/// One sum of doubles over the full range of double (a long accumulator after Kulisch): exact, whatever
/// the terms. Limbs of 32 bits in int64, so 2^31 terms fit between two calls of `normalise`.
class ExactScalar {
 public:
  static constexpr int kLimbs = 68;

  /// Adds a finite number exactly; anything else is counted and makes `value` NaN.
  void add(double term);
  void add(const ExactScalar& other);
  /// Carries, so that limbs can be added over ranks (kLimbs + 1 integers, the last counts non-finite terms).
  void normalise();
  std::span<std::int64_t> limbs() { return limbs_; }
  /// The sum, rounded once to nearest. Call after `normalise`.
  double value() const;

 private:
  std::vector<std::int64_t> limbs_ = std::vector<std::int64_t>(kLimbs + 1);
};

/// n sums at once of terms with known bounds: 120 bits each, in three limbs of 40, or more where that is
/// asked for. A term is rounded, by itself, to a multiple of the quantum, which is 2^-118 times the bound
/// (rounded up to a power of two), so the sum is that of the rounded terms in any order.
class ExactArray {
 public:
  ExactArray() = default;
  /// bounds[i] >= the sum of the absolute terms of sum i. Quanta are at most 2^finest[i], where these are
  /// given; all sums have as many limbs as that takes. Equal on all ranks.
  explicit ExactArray(std::span<const double> bounds, std::span<const int> finest = {});

  std::size_t size() const { return scale_.size(); }
  /// Adds terms[i] to sum first + i. Adding the negative of a term takes it back, to the last bit.
  void add(std::span<const double> terms, std::size_t first = 0);
  void add(const ExactArray& other);
  /// Carries, so that limbs can be added over ranks (3 n or more integers, plane by plane).
  void normalise();
  std::span<std::int64_t> limbs() { return limbs_; }
  /// Sum i, rounded once to nearest. Call after `normalise`.
  double value(std::size_t i) const;
  /// What terms of sum i are rounded to multiples of, a power of two.
  double quantum(std::size_t i) const;

 private:
  void split_finely(std::span<const double> terms, std::size_t first);

  int n_limbs_ = 3;
  std::vector<double> scale_;  ///< powers of two: term times scale fills the top limb
  std::vector<std::int64_t> limbs_;
};

}  // namespace gmmpi
