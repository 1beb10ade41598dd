// Differences of ln Gamma and digamma against 40-digit values (mpmath 1.2).
#include <catch2/catch.hpp>
#include <cmath>

#include "model/gamma_functions.hpp"

namespace {

struct OfOne {
  double x;
  long double value;
};
struct OfTwo {
  double x, h;
  long double value;
};

constexpr OfOne kLogMinusDigamma[] = {
    {0.05, 17.50211271774587831866L},     {0.3, 2.298551417874197095285L},
    {1.0, 0.5772156649015328606065L},     {2.5, 0.2131340912289118779578L},
    {7.25, 0.07054794198284737996631L},   {15.9, 0.03177603905041198322259L},
    {16.0, 0.03157539391232086928221L},   {40.0, 0.01255208007909317694232L},
    {500.0, 0.001000333333200000253967L}, {1000000.0, 5.00000083333333333325e-7L},
};

constexpr OfTwo kLogGammaRise[] = {
    {0.0005, 0.5, -3.228779023093661978365L},        {0.0005, 3.5, 20.20406977308082935247L},
    {0.0005, 32.0, 313.7222132201187917197L},        {0.05, 0.5, -0.9909822081636093042567L},
    {0.05, 3.5, 8.772725901844233098771L},           {0.05, 32.0, 171.1593182407520630925L},
    {0.5, 0.5, -0.2257913526447274323631L},          {0.5, 3.5, 3.645409658263163496701L},
    {0.5, 32.0, 101.4295302486079114559L},           {7.25, 0.5, -0.01722778885584727789991L},
    {7.25, 3.5, 0.5337816332889369936343L},          {7.25, 32.0, 33.43744763890700603326L},
    {15.9, 0.5, -0.007860341044333858778568L},       {15.9, 3.5, 0.2592845369426846287144L},
    {15.9, 32.0, 20.26904844244600457832L},          {16.0, 0.5, -0.007811229919967624459017L},
    {16.0, 3.5, 0.2577545972809710938139L},          {16.0, 32.0, 20.18061214181247729815L},
    {500.0, 0.5, -0.0002499999583333833331815L},     {500.0, 3.5, 0.008732550865587702257341L},
    {500.0, 32.0, 0.9718002486301958657338L},        {1000000000.0, 0.5, -1.249999999999999999949e-10L},
    {1000000000.0, 3.5, 4.37499999562500000638e-9L}, {1000000000.0, 32.0, 4.959999947920000820053e-7L},
};

}  // namespace

TEST_CASE("log_minus_digamma: 15 digits at all arguments", "[serial]") {
  for (const auto& [x, value] : kLogMinusDigamma) {
    INFO("x " << x);
    CHECK(std::abs(gmmpi::log_minus_digamma(x, gmmpi::select_kernels()) - value) <= 1e-15 * value);
  }
}

TEST_CASE("log_gamma_rise: errors as small as its size and h allow, no rise for h = 1", "[serial]") {
  for (const auto& [x, h, value] : kLogGammaRise) {
    INFO("x " << x << ", h " << h);
    CHECK(std::abs(gmmpi::log_gamma_rise(x, h, gmmpi::select_kernels()) - value) <=
          2e-16 * (1.0 + h + 2.0 * std::abs(value)));
  }
  for (const double x : {0.05, 3.0, 20.0, 1e6})
    CHECK(std::abs(gmmpi::log_gamma_rise(x, 1.0, gmmpi::select_kernels())) <= 4e-16);
}
