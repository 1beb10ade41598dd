// Mixtures before and after a transform: their densities differ by its volume alone.
#include "gmmpi/model/transformed_mixture.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <stdexcept>

#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::Mixture;
using gmmpi::Transform;

const gmmpi::KernelTable& kernels() {
  return gmmpi::select_kernels();
}

/// Two components in two columns.
Mixture example(const std::string& type) {
  const std::vector<double> covariances = type == "full"
                                              ? std::vector<double>{2, 0.5, 0.5, 1, 1, -0.3, -0.3, 3}
                                          : type == "tied" ? std::vector<double>{2, 0.5, 0.5, 1}
                                          : type == "diag" ? std::vector<double>{2, 1, 0.5, 3}
                                                           : std::vector<double>{2, 0.5};
  return in_memory::make_model(type, reference::Parameters{{0.25, 0.75}, {0, 1, 2, -1}, covariances});
}

Transform scaling() {
  return {{100, -7}, {}, {10, 0.5}};
}

/// A turn with different scales.
Transform turn() {
  return {{100, -7}, {0.6, 0.8, 0.8, -0.6}, {10, 0.5}};
}

double log_density(const Mixture& m, const std::vector<double>& x) {
  return static_cast<double>(textbook::Density(in_memory::to_textbook(m)).log_density(x));
}

}  // namespace

TEST_CASE("mixture_before: the density of x is that of y times the volume", "[serial]") {
  for (const std::string type : {"full", "tied", "diag", "spherical"})
    for (const Transform& t : {scaling(), turn()}) {
      INFO(type << (t.components.empty() ? ", scaled" : ", turned"));
      const Mixture m = example(type), before = gmmpi::mixture_before(m, t, kernels());
      const bool turned = !t.components.empty();
      const std::string expected = type == "spherical" && !turned               ? "diag"
                                   : turned && type != "full" && type != "tied" ? "full"
                                                                                : type;
      CHECK(before.structure->name() == expected);
      CHECK(before.log_volume == 0.0);
      for (const std::vector<double>& x : {std::vector<double>{100, -7}, {125, -6.2}, {80, -9}}) {
        std::vector<double> y(2);
        t.apply(x, y);
        CHECK(log_density(before, x) ==
              Approx(log_density(m, y) + gmmpi::log_volume(t, kernels())).epsilon(1e-12));
      }
    }
}

TEST_CASE("mixture_after: takes mixture_before back", "[serial]") {
  for (const std::string type : {"full", "tied", "diag"})
    for (const Transform& t : {scaling(), turn()}) {
      if (!t.components.empty() && type == "diag") continue;  // it has become full
      const Mixture m = example(type),
                    again = gmmpi::mixture_after(gmmpi::mixture_before(m, t, kernels()), t, kernels());
      for (std::size_t e = 0; e < m.means.size(); ++e)
        CHECK(again.means[e] == Approx(m.means[e]).margin(1e-13));
      REQUIRE(again.covariances.size() == m.covariances.size());
      for (std::size_t e = 0; e < m.covariances.size(); ++e)
        CHECK(again.covariances[e] == Approx(m.covariances[e]).epsilon(1e-12));
    }
}

TEST_CASE("mixture_after: a projection is the marginal of its subspace", "[serial]") {
  const Transform first{{1, 2}, {1, 0}, {2}};
  const Mixture m = example("full"), after = gmmpi::mixture_after(m, first, kernels());
  CHECK(after.n_features == 1);
  CHECK(after.means == std::vector<double>{-0.5, 0.5});
  CHECK(after.covariances == std::vector<double>{0.5, 0.25});
  CHECK_THROWS_AS(gmmpi::mixture_before(after, first, kernels()), std::logic_error);
}
