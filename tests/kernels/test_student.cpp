// The kernels of Student's t against long double, their edges, the same bits on every target.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "kernels/table.hpp"

namespace {

using gmmpi::KernelTable;
using gmmpi::kTile;
using Real = long double;

constexpr double kEps = 0x1p-52;
const std::vector<double> kDof = {1e-3, 0.1, 1.0, 3.7, 30.0, 1000.0, 1e9};
const std::vector<int> kColumns = {1, 2, 7, 64};

/// Squared distances from 0 to far away, among them some near d, where u is near 1.
std::vector<double> distances(int d) {
  std::vector<double> q;
  for (int r = 0; r < kTile; ++r)
    q.push_back(r == 0 ? 0.0 : r % 2 ? std::exp2(r - 20) : d * (1.0 + std::exp2(-r) * (r % 4 - 1)));
  return q;
}

std::vector<double> log_joint(const KernelTable& kernels, int d, double dof, double constant) {
  std::vector<double> values = distances(d);
  kernels.student_log_joint(1, d, &constant, &dof, values.data());
  return values;
}

struct Weights {
  std::vector<double> weight, excess;
};

Weights weights(const KernelTable& kernels, int d, double dof) {
  Weights w{std::vector<double>(kTile), std::vector<double>(kTile)};
  for (int r = 0; r < kTile; ++r) w.weight[r] = r % 5 == 3 ? 0.0 : 0.01 * (r + 1);
  kernels.student_weights(d, dof, distances(d).data(), w.weight.data(), w.excess.data());
  return w;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

}  // namespace

TEST_CASE("student kernels: log densities and weights agree with long double", "[serial]") {
  double worst_joint = 0.0, worst_weight = 0.0, worst_excess = 0.0;
  for (const std::string& name : gmmpi::available_kernels())
    for (const int d : kColumns)
      for (const double dof : kDof) {
        const std::vector<double> q = distances(d),
                                  joint = log_joint(gmmpi::select_kernels(name), d, dof, 2.5);
        const Weights w = weights(gmmpi::select_kernels(name), d, dof);
        for (int r = 0; r < kTile; ++r) {
          const Real tail = (Real(dof) + d) / 2 * std::log1p(Real(q[r]) / dof);
          worst_joint = std::max(worst_joint, double(std::abs(joint[r] - (2.5 - tail)) / (2.5 + tail)));
          const Real gamma = r % 5 == 3 ? 0.0 : 0.01 * (r + 1), u = (Real(dof) + d) / (Real(dof) + q[r]);
          worst_weight =
              std::max(worst_weight, double(std::abs(w.weight[r] - gamma * u) / (gamma * u + 1e-300L)));
          // ln u - u + 1, of numbers that cancel: relative to the larger of them. (1 / u = 1 + y.)
          const Real y = (Real(q[r]) - d) / (Real(dof) + d), less = (Real(q[r]) - d) / (Real(dof) + q[r]);
          const Real log_u = std::abs(y) < 0.1L ? -std::log1p(y) : std::log(u);
          const Real size = gamma * (std::abs(log_u) + std::abs(less)) + 1e-300L;
          worst_excess =
              std::max(worst_excess, double(std::abs(w.excess[r] - gamma * (log_u + less)) / size));
          CHECK(w.excess[r] <= 2 * kEps * double(size));
        }
      }
  CHECK(worst_joint / kEps < 3.0);
  CHECK(worst_weight / kEps < 3.0);
  CHECK(worst_excess / kEps < 3.0);
}

TEST_CASE("student kernels: all targets give the same bits", "[serial]") {
  for (const int d : kColumns)
    for (const double dof : kDof) {
      const KernelTable& scalar = gmmpi::select_kernels("scalar");
      const Weights expected = weights(scalar, d, dof);
      for (const std::string& name : gmmpi::available_kernels()) {
        INFO(name << ", d " << d << ", dof " << dof);
        const Weights w = weights(gmmpi::select_kernels(name), d, dof);
        CHECK(same(w.weight, expected.weight));
        CHECK(same(w.excess, expected.excess));
        CHECK(same(log_joint(gmmpi::select_kernels(name), d, dof, -1.0), log_joint(scalar, d, dof, -1.0)));
      }
    }
}

TEST_CASE("student kernels: nothing is NaN at any distance, and what lies out of reach shows", "[serial]") {
  const double far[] = {0.0, 1e16, 1e200, 9.9e299, 1e300, 1e308, HUGE_VAL, NAN}, constant = 0.0;
  for (const std::string& name : gmmpi::available_kernels())
    for (const double dof : kDof) {
      INFO(name << ", dof " << dof);
      std::vector<double> q(kTile), gamma(kTile, 1.0), excess(kTile);
      for (int r = 0; r < kTile; ++r) q[r] = far[r % 8];
      gmmpi::select_kernels(name).student_weights(3, dof, q.data(), gamma.data(), excess.data());
      gmmpi::select_kernels(name).student_log_joint(1, 3, &constant, &dof, q.data());
      for (int r = 0; r < kTile; ++r) {
        INFO("distance " << far[r % 8]);
        CHECK((gamma[r] > 0.0 && gamma[r] <= (1.0 + 1e-15) * (dof + 3) / dof));
        CHECK((excess[r] <= 0.0 && excess[r] >= -1000.0 - (dof + 3) / dof));
        CHECK((far[r % 8] < 1e300 ? q[r] > -1e12 : q[r] == -0.5e300));
      }
    }
}
