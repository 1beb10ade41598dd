// Each structure's covariances against the textbook's M-step, and the registry.
// covers: src/model/structures/diag.cpp, src/model/structures/full.cpp, src/model/structures/registry.cpp
// covers: src/model/structures/spherical.cpp, src/model/structures/tied.cpp
#include <catch2/catch.hpp>
#include <cmath>

#include "gmmpi/error.hpp"
#include "kernels/scatter.hpp"
#include "support/in_memory.hpp"

namespace {

using textbook::Real;

/// Responsibilities (N, K) without structure.
std::vector<Real> responsibilities(std::size_t n_rows, int K) {
  std::vector<Real> resp;
  for (std::size_t n = 0; n < n_rows; ++n) {
    Real sum = 0;
    for (int k = 0; k < K; ++k) sum += Real((7 * n + 3 * k * n + k) % 11 + 1);
    for (int k = 0; k < K; ++k) resp.push_back(Real((7 * n + 3 * k * n + k) % 11 + 1) / sum);
  }
  return resp;
}

/// Central scatters of the rows about the expected means, in the structure's scatter shape.
std::vector<double> scatter_of(const textbook::Rows& rows, const std::vector<Real>& resp,
                               const textbook::Mixture& m, gmmpi::ScatterShape shape) {
  const int K = m.n_components(), d = rows.d;
  const auto size = static_cast<std::size_t>(gmmpi::scatter_size(shape, d));
  std::vector<Real> sums((shape == gmmpi::ScatterShape::pooled ? 1 : K) * size, 0);
  for (std::int64_t n = 0; n < rows.size(); ++n)
    for (int k = 0; k < K; ++k) {
      std::size_t at = shape == gmmpi::ScatterShape::pooled ? 0 : k * size;
      for (int i = 0; i < d; ++i)
        for (int j = i; j < (shape == gmmpi::ScatterShape::diagonal ? i + 1 : d); ++j)
          sums[at++] +=
              resp[n * K + k] * rows.weight(n) * (rows[n][i] - m.mean(k, i)) * (rows[n][j] - m.mean(k, j));
    }
  return {sums.begin(), sums.end()};
}

}  // namespace

TEST_CASE("structures: covariances from central scatters are the textbook's M-step", "[serial]") {
  for (const int d : {1, 2, 5})
    for (const int K : {1, 3}) {
      const std::vector<double> values = in_memory::clusters(60, d, 3, 2.0, 31);
      std::vector<double> weights;
      for (int n = 0; n < 60; ++n) weights.push_back(0.5 + n % 3);
      const textbook::Rows rows{values, d, weights};
      const std::vector<Real> resp = responsibilities(60, K);
      std::vector<double> counts(K, 0.0);
      for (int n = 0; n < 60; ++n)
        for (int k = 0; k < K; ++k) counts[k] += static_cast<double>(resp[n * K + k] * weights[n]);
      for (const std::string& type : gmmpi::covariance_types()) {
        INFO(type << ", d " << d << ", K " << K);
        const gmmpi::CovarianceStructure& structure = gmmpi::find_structure(type);
        const textbook::Mixture expected = textbook::m_step(type, rows, resp);
        const std::vector<double> scatter = scatter_of(rows, resp, expected, structure.scatter_shape());
        const auto total = static_cast<double>(rows.total_weight());
        const std::vector<double> actual = structure.covariances({K, d, counts, total, scatter});
        const std::vector<double> wanted = textbook::compact_covariances(type, expected);
        REQUIRE(actual.size() == wanted.size());
        for (std::size_t e = 0; e < wanted.size(); ++e)
          CHECK(actual[e] == Approx(wanted[e]).epsilon(1e-14).margin(1e-14));
        CHECK(structure.n_covariance_parameters(K, d) + K - 1 + K * d == textbook::n_parameters(type, K, d));
      }
    }
}

TEST_CASE("structures: a name finds its family, an unknown one is refused with those that exist", "[serial]") {
  for (const std::string& name : gmmpi::covariance_types()) CHECK(gmmpi::find_structure(name).name() == name);
  CHECK(gmmpi::covariance_types() == std::vector<std::string>{"full", "tied", "diag", "spherical"});
  CHECK_THROWS_WITH(gmmpi::find_structure("banded"),
                    Catch::Contains("banded") && Catch::Contains("full, tied, diag"));
}
