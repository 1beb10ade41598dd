// Digests of field lists: what changes them and what does not.
#include "io/field_list.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace gmmpi;

namespace {

using Doubles = Field::Array<double>;

std::vector<Field> fields() {
  return {{"model", "weights", Doubles{{0.25, 0.75}, {2}}, true},
          {"model", "covariance_type", std::string("full"), true},
          {"options", "seed", std::int64_t{3}, true},
          {"model", "seconds", 1.5, false}};
}

}  // namespace

TEST_CASE("digest: neither order nor fields that are not marked count", "[serial]") {
  const std::string expected = digest(fields());
  CHECK(expected.size() == 32);
  std::vector<Field> other = fields();
  std::swap(other[0], other[2]);
  other.back().value = 2.5;
  other.push_back({"model", "host", std::string("node7"), false});
  CHECK(digest(other) == expected);
}

TEST_CASE("digest: name, group, type, shape and every bit of a marked field count", "[serial]") {
  std::set<std::string> seen{digest(fields())};
  const auto changed = [&](auto change) {
    std::vector<Field> other = fields();
    change(other);
    return seen.insert(digest(other)).second;  // unlike all before
  };
  CHECK(changed([](auto& f) { f[0].name = "weight"; }));
  CHECK(changed([](auto& f) { f[0].group = "options"; }));
  CHECK(changed([](auto& f) { f[0].value = Doubles{{0.25, 0.75}, {1, 2}}; }));
  CHECK(changed([](auto& f) { f[0].value = Doubles{{0.25, 0.75 + 0x1p-53}, {2}}; }));
  CHECK(changed([](auto& f) { f[0].value = Field::Array<std::int64_t>{{0, 1}, {2}}; }));
  CHECK(changed([](auto& f) { f[1].value = std::string("tied"); }));
  CHECK(changed([](auto& f) { f[2].value = 3.0; }));
  CHECK(changed([](auto& f) { f[3].in_digest = true; }));
  CHECK(changed([](auto& f) { f.pop_back(), f.pop_back(); }));
}
