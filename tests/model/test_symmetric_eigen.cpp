// Jacobi's eigenvalues against known ones.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/symmetric_eigen.hpp"

TEST_CASE("symmetric eigen: small eigenvalues of a graded matrix keep their digits", "[serial]") {
  // D R D with a correlation matrix R: its determinant and its inverse's trace are known to every digit.
  const double s[] = {1e8, 1.0, 1e-8}, r = 0.5;
  std::vector<double> a(9);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) a[3 * i + j] = s[i] * s[j] * (i == j ? 1.0 : r);
  const gmmpi::SymmetricEigen e = gmmpi::symmetric_eigen(a, 3);
  CHECK(e.values[0] * e.values[1] * e.values[2] == Approx(0.5).epsilon(1e-14));  // 1 + 2 r^3 - 3 r^2
  CHECK(1.0 / e.values[2] == Approx(1.5e16).epsilon(1e-14));  // the inverse's largest entry, but for 1e-16
  for (int j = 0; j < 3; ++j) {
    double residual = 0.0;
    for (int i = 0; i < 3; ++i) {
      double sum = -e.values[j] * e.vectors[3 * j + i];
      for (int l = 0; l < 3; ++l) sum += a[3 * i + l] * e.vectors[3 * j + l];
      residual = std::max(residual, std::abs(sum) / s[i]);
    }
    CHECK(residual < 1e-14 * std::sqrt(e.values[0]));
  }
}

TEST_CASE("symmetric eigen: units play no part, zeros and multiple eigenvalues are no trouble", "[serial]") {
  const std::vector<double> a{2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 3.0};
  for (const double unit : {1.0, 1e-200, 1e200}) {
    std::vector<double> scaled = a;
    for (double& entry : scaled) entry *= unit;
    const gmmpi::SymmetricEigen e = gmmpi::symmetric_eigen(scaled, 3);
    CHECK(e.values[0] / unit == Approx(3.0).epsilon(1e-15));
    CHECK(e.values[1] / unit == Approx(3.0).epsilon(1e-15));
    CHECK(e.values[2] / unit == Approx(1.0).epsilon(1e-15));
  }
  const gmmpi::SymmetricEigen none = gmmpi::symmetric_eigen(std::vector<double>(4), 2);
  CHECK(none.values == std::vector<double>{0.0, 0.0});
  CHECK(none.vectors == std::vector<double>{1.0, 0.0, 0.0, 1.0});
}
