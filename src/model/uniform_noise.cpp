// Uniform noise: its box.
#include <algorithm>
#include <cmath>

#include "gmmpi/error.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

void UniformNoise::validate(int n_features, const std::string& name) const {
  const auto require = [&](bool condition, const std::string& problem) {
    if (!condition) throw Error(ExitCode::bad_data, name + ": " + problem);
  };
  const auto all_finite = [](const std::vector<double>& values) {
    return std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
  };
  const std::size_t d = n_features;
  require(minimum.size() == d && maximum.size() == d,
          "noise_minimum and noise_maximum must be (d) arrays; write them so");
  require(std::isfinite(weight) && weight >= 0.0 && std::isfinite(log_volume) && all_finite(minimum) &&
              all_finite(maximum),
          "the noise holds NaN, infinite numbers or a negative weight; write finite ones");
  for (std::size_t j = 0; j < d; ++j)
    require(minimum[j] <= maximum[j],
            "noise_minimum is above noise_maximum in column " + std::to_string(j) + "; exchange them");
}

std::vector<double> UniformNoise::mean() const {
  std::vector<double> out;
  for (std::size_t j = 0; j < minimum.size(); ++j) out.push_back(minimum[j] + 0.5 * (maximum[j] - minimum[j]));
  return out;
}

std::vector<double> UniformNoise::covariance() const {
  const std::size_t d = minimum.size();
  std::vector<double> out(d * d);
  for (std::size_t j = 0; j < d; ++j) {
    const double side = maximum[j] - minimum[j];
    out[j * d + j] = side * side / 12.0;
  }
  return out;
}

void UniformNoise::draw(const RowRandom& random, double* x) const {
  for (std::size_t j = 0; j < minimum.size(); ++j)
    x[j] = minimum[j] + random(static_cast<int>(j)) * (maximum[j] - minimum[j]);
}

}  // namespace gmmpi
