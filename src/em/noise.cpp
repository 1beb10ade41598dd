// Noise: its box and volume from the data or the options.
#include "em/noise.hpp"

#include <cmath>

#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

void validate_noise(const FitOptions& o, const Data& data, const std::string& name) {
  const auto require = [](bool condition, const std::string& message) {
    if (!condition) throw Error(ExitCode::usage, message);
  };
  require(o.noise || !o.start || !o.start->noise,
          o.start_name + ": has a uniform noise component; give `noise` as well, or another start");
  if (!o.noise) return;
  require(o.component->goes_with_noise(),
          "`noise` is for Gaussian components; leave it out for Bernoulli ones");
  require(o.accelerate == Acceleration::none,
          "`accelerate` does not move the weight of the noise; leave out `accelerate` or `noise`");
  require(o.noise->weight > 0.0 && o.noise->weight < 1.0,
          "`noise_weight` must lie between 0 and 1; give a share of the rows, such as 0.05");
  require(!o.noise->volume || (*o.noise->volume > 0.0 && std::isnormal(*o.noise->volume)),
          "`noise_volume` must be a finite number > 0; leave it out for that of the data's box");
  const std::size_t d = data.n_columns();
  require(o.noise->minimum.size() == o.noise->maximum.size() &&
              (o.noise->minimum.empty() || o.noise->minimum.size() == d),
          "the box of the noise does not have the columns of the data; give one number per column, or none");
  const NoiseOptions noise = with_box(*o.noise, data);
  for (std::size_t j = 0; j < d && !noise.volume; ++j)
    if (!(noise.minimum[j] < noise.maximum[j]))
      throw Error(ExitCode::bad_data, name + ": column " + std::to_string(j) +
                                          " is constant, so the box of the noise has no volume; drop the "
                                          "column, or give `noise_volume`");
}

NoiseOptions with_box(const NoiseOptions& options, const Data& data) {
  NoiseOptions noise = options;
  if (!noise.minimum.empty()) return noise;
  noise.minimum = data.summary().minimum;
  noise.maximum = data.summary().maximum;
  return noise;
}

void add_noise(const NoiseOptions& options, const Data& data, const KernelTable& kernels, Mixture& start) {
  const NoiseOptions o = with_box(options, data);
  GMMPI_EXPECT(std::ssize(o.minimum) == data.n_columns() && o.minimum.size() == o.maximum.size());
  GMMPI_EXPECT(o.weight > 0.0 && o.weight < 1.0);
  std::vector<double> sides;
  for (std::size_t j = 0; j < o.minimum.size(); ++j) sides.push_back(o.maximum[j] - o.minimum[j]);
  if (o.volume) sides = {*o.volume};
  std::vector<double> logs(sides.size());
  kernels.log(std::ssize(sides), sides.data(), logs.data());
  UniformNoise noise{start.noise ? start.noise->weight : o.weight, 0.0, o.minimum, o.maximum};
  for (const double log_side : logs) noise.log_volume += log_side;
  if (!start.noise)
    for (double& w : start.weights) w *= 1.0 - noise.weight;
  start.noise = std::move(noise);
}

}  // namespace gmmpi
