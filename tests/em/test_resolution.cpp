// Resolution: which sums lack bits, and bounds that give them some.
#include "em/resolution.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "support/world.hpp"

using namespace gmmpi;

namespace {

/// Two components in two columns, second moments of each column; the sums of one block, in its order.
const MomentLayout kLayout{2, 2, ScatterShape::diagonal};
const std::vector<double> kBounds{10, 10, 1e3, 1e3, 1e3, 1e3, 1e5, 1e5, 1e5, 1e5};

struct Totals {
  ExactArray sums{kBounds};
  std::vector<double> peaks;
  explicit Totals(const Resolution& resolution, const std::vector<double>& of_block)
      : peaks(resolution.n_keys()) {
    sums.add(of_block);
    sums.normalise();
    resolution.add(of_block, peaks);
  }
};

}  // namespace

TEST_CASE("Resolution: sums with enough bits keep their bounds", "[mpi]") {
  const Resolution resolution(kLayout);
  CHECK(resolution.n_keys() == 4);
  const Totals t(resolution, {3, 4, 1, 2, 3, 4, 5, 6, 7, 8});
  std::vector<double> bounds = kBounds;
  CHECK_FALSE(resolution.refine(test_world(), t.sums, t.peaks, 64, bounds));
  CHECK(bounds == kBounds);
}

TEST_CASE("Resolution: a narrow component's second moment, and what follows from it, get lower bounds",
          "[mpi]") {
  const Resolution resolution(kLayout);
  const double tiny = 1e-15;  // of 1e5: far below 2^57 quanta
  const Totals t(resolution, {3, 4, 1, 2, 3, 4, tiny, 6, 7, 8});
  std::vector<double> bounds = kBounds;
  CHECK(resolution.refine(test_world(), t.sums, t.peaks, 64, bounds));
  CHECK(bounds[6] >= 64 * tiny);
  CHECK(bounds[6] <= 65 * tiny);
  CHECK(bounds[2] >= std::sqrt(10.0 * bounds[6]));  // |sum gamma x| by Cauchy and Schwarz
  CHECK(bounds[2] <= 1.01 * std::sqrt(10.0 * bounds[6]));
  for (const int other : {0, 1, 3, 4, 5, 7, 8, 9}) CHECK(bounds[other] == kBounds[other]);
}

TEST_CASE("Resolution: digits that do not show, and sums of zeros, are not worth another pass", "[mpi]") {
  const std::vector<double> of_block{3, 4, 1, 2, 3, 4, 1e-15, 6, 7, 8}, negligible{1.0, 1.0};
  const Resolution lenient(kLayout, {negligible, false});
  const Totals t(lenient, of_block);
  std::vector<double> bounds = kBounds;
  CHECK_FALSE(lenient.refine(test_world(), t.sums, t.peaks, 64, bounds));
  const Resolution traces(kLayout, {{}, true});
  CHECK_FALSE(traces.refine(test_world(), t.sums, t.peaks, 64, bounds));
  const Resolution strict(kLayout);
  const Totals zero(strict, {3, 4, 1, 2, 3, 4, 0, 6, 7, 8});
  CHECK_FALSE(strict.refine(test_world(), zero.sums, zero.peaks, 64, bounds));
  CHECK(bounds == kBounds);
}
