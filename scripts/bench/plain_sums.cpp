// Plain sums of doubles behind the interface of the exact ones, to measure what exactness costs.
//
// Linked into sweep_bench_plain, where these definitions come before the library's. The sums live in the
// limbs as the bits of doubles. One rank only: a reduction would add those bits as integers.
#include <bit>

#include "parallel/exact_sum.hpp"

namespace gmmpi {

namespace {

void add_to(std::int64_t& bits, double term) {
  bits = std::bit_cast<std::int64_t>(std::bit_cast<double>(bits) + term);
}

}  // namespace

void ExactScalar::add(double term) {
  add_to(limbs_[0], term);
}
void ExactScalar::add(const ExactScalar& other) {
  add(std::bit_cast<double>(other.limbs_[0]));
}
void ExactScalar::normalise() {}
double ExactScalar::value() const {
  return std::bit_cast<double>(limbs_[0]);
}

ExactArray::ExactArray(std::span<const double> bounds, std::span<const int>)
    : scale_(bounds.size(), 1.0), limbs_(bounds.size()) {}

void ExactArray::add(std::span<const double> terms, std::size_t first) {
  for (std::size_t i = 0; i < terms.size(); ++i) add_to(limbs_[first + i], terms[i]);
}
void ExactArray::add(const ExactArray& other) {
  for (std::size_t i = 0; i < limbs_.size(); ++i) add_to(limbs_[i], std::bit_cast<double>(other.limbs_[i]));
}
void ExactArray::normalise() {}
double ExactArray::value(std::size_t i) const {
  return std::bit_cast<double>(limbs_[i]);
}
double ExactArray::quantum(std::size_t) const {
  return 0.0;
}

}  // namespace gmmpi
