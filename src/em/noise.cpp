// Noise: what it goes with, and how it begins.
#include "em/noise.hpp"

#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

void validate_noise(const FitOptions& o, const Data& data, const std::string& name) {
  const auto require = [](bool condition, const std::string& message) {
    if (!condition) throw Error(ExitCode::usage, message);
  };
  require(o.noise || !o.start || !o.start->noise,
          o.start_name + ": has a noise component; give `noise` as well, or another start");
  if (!o.noise) return;
  require(o.component->goes_with_noise(),
          "`noise` is for Gaussian components; leave it out for Bernoulli ones");
  require(o.accelerate == Acceleration::none,
          "`accelerate` does not move the weight of the noise; leave out `accelerate` or `noise`");
  require(o.noise->weight > 0.0 && o.noise->weight < 1.0,
          "`noise_weight` must lie between 0 and 1; give a share of the rows, such as 0.05");
  const std::size_t d = data.n_columns();
  require(o.noise->minimum.size() == o.noise->maximum.size() &&
              (o.noise->minimum.empty() || o.noise->minimum.size() == d),
          "the box of the noise does not have the columns of the data; give one number per column, or none");
  find_background(o.noise->kind)->check(with_box(*o.noise, data), name);
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
  if (!start.noise) {
    start.noise.emplace().weight = o.weight;
    for (double& w : start.weights) w *= 1.0 - o.weight;
  }
  start.noise->background = find_background(o.kind)->begin(o, kernels);
}

}  // namespace gmmpi
