// ExactMessage: packs limbs behind a count of failures, and reads the totals back.
#include "parallel/exact_message.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

template <class Part>
constexpr bool is_sum = std::is_pointer_v<std::remove_reference_t<Part>>;

/// Collective. Whether all ranks bring as many integers.
bool is_same_everywhere(const Communicator& comm, std::int64_t n_integers) {
  std::array<std::int64_t, 2> extremes{n_integers, -n_integers};
  comm.max(extremes);
  return extremes[0] == -extremes[1];
}

}  // namespace

ExactMessage& ExactMessage::add(ExactScalar& sum) {
  parts_.emplace_back(&sum);
  return *this;
}

ExactMessage& ExactMessage::add(ExactArray& sums) {
  parts_.emplace_back(&sums);
  return *this;
}

ExactMessage& ExactMessage::add(std::span<std::int64_t> counts) {
  parts_.emplace_back(counts);
  return *this;
}

void ExactMessage::sum(const Communicator& comm, const std::exception_ptr& failure) {
  std::vector<std::int64_t> integers{failure ? 1 : 0};
  const auto pack = [&](std::span<const std::int64_t> part) {
    integers.insert(integers.end(), part.begin(), part.end());
  };
  for (const Part& part : parts_)
    std::visit(
        [&]<class Of>(const Of& of) {
          if constexpr (is_sum<Of>) {
            of->normalise();
            pack(of->limbs());
          } else {
            pack(of);
          }
        },
        part);
  GMMPI_EXPECT(is_same_everywhere(comm, std::ssize(integers)));
  comm.sum(integers);
  if (integers[0] != 0) comm.rethrow_anywhere(failure);

  auto from = integers.begin() + 1;
  const auto unpack = [&](std::span<std::int64_t> part) {
    std::copy_n(from, part.size(), part.begin());
    from += std::ssize(part);
  };
  for (const Part& part : parts_)
    std::visit(
        [&]<class Of>(const Of& of) {
          if constexpr (is_sum<Of>) {
            unpack(of->limbs());
            of->normalise();
          } else {
            unpack(of);
          }
        },
        part);
}

}  // namespace gmmpi
