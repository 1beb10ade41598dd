// Exact sums, counts and the news of a failure, in one allreduce of integers.
#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <variant>
#include <vector>

#include "gmmpi/parallel/communicator.hpp"
#include "parallel/exact_sum.hpp"

namespace gmmpi {

/// Parts of this rank's that become totals over the ranks, in place. The parts must outlive the message, and
/// be of the same kinds and sizes on every rank.
class ExactMessage {
 public:
  ExactMessage& add(ExactScalar& sum);
  ExactMessage& add(ExactArray& sums);
  ExactMessage& add(std::span<std::int64_t> counts);

  /// Collective. Parts need not be normalised before, and are after. If any rank brings a `failure`, every
  /// rank throws that of the lowest such rank; the parts are then what they were.
  void sum(const Communicator& comm, const std::exception_ptr& failure = nullptr);

 private:
  using Part = std::variant<ExactScalar*, ExactArray*, std::span<std::int64_t>>;

  std::vector<Part> parts_;
};

}  // namespace gmmpi
