// uniform: rows of constant density 1 / V wherever they lie, drawn from a box. Banfield & Raftery, Biometrics
// 49 (1993); Fraley & Raftery, J. Am. Stat. Assoc. 97 (2002), section 4.
#include <algorithm>
#include <cmath>

#include "gmmpi/data/block_grid.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "gmmpi/model/background.hpp"
#include "kernels/scalar_math.hpp"
#include "kernels/table.hpp"
#include "model/observed_part.hpp"

namespace gmmpi {

namespace {

class Uniform final : public Background {
 public:
  Uniform() = default;
  Uniform(double log_volume, std::vector<double> minimum, std::vector<double> maximum)
      : log_volume_(log_volume), minimum_(std::move(minimum)), maximum_(std::move(maximum)) {}

  std::string_view name() const override { return "uniform"; }
  std::int64_t n_parameters() const override { return 1; }  // the volume, as in mclust

  void check(const NoiseOptions& o, const std::string& name) const override {
    if (o.volume && !(*o.volume > 0.0 && std::isnormal(*o.volume)))
      throw Error(ExitCode::usage,
                  "`noise_volume` must be a finite number > 0; leave it out for that of the data's box");
    for (std::size_t j = 0; j < o.minimum.size() && !o.volume; ++j)
      if (!(o.minimum[j] < o.maximum[j]))
        throw Error(ExitCode::bad_data, name + ": column " + std::to_string(j) +
                                            " is constant, so the box of the noise has no volume; drop the "
                                            "column, or give `noise_volume`");
  }

  std::shared_ptr<const Background> begin(const NoiseOptions& o, const KernelTable& kernels) const override {
    std::vector<double> sides;
    for (std::size_t j = 0; j < o.minimum.size(); ++j) sides.push_back(o.maximum[j] - o.minimum[j]);
    if (o.volume) sides = {*o.volume};
    std::vector<double> logs(sides.size());
    kernels.log(std::ssize(sides), sides.data(), logs.data());
    double log_volume = 0.0;
    for (const double log_side : logs) log_volume += log_side;
    return std::make_shared<Uniform>(log_volume, o.minimum, o.maximum);
  }

  std::vector<BackgroundField> fields() const override {
    return {{"log_volume", "ln V", true, {log_volume_}},
            {"minimum", "from", false, minimum_},
            {"maximum", "to", false, maximum_}};
  }

  std::shared_ptr<const Background> of(std::vector<BackgroundField> f) const override {
    GMMPI_EXPECT(f.size() == 3 && f[0].values.size() == 1);
    return std::make_shared<Uniform>(f[0].values[0], std::move(f[1].values), std::move(f[2].values));
  }

  void validate(int n_features, const std::string& name) const override {
    const auto require = [&](bool condition, const std::string& problem) {
      if (!condition) throw Error(ExitCode::bad_data, name + ": " + problem);
    };
    const auto all_finite = [](const std::vector<double>& values) {
      return std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
    };
    const std::size_t d = n_features;
    require(minimum_.size() == d && maximum_.size() == d,
            "noise_minimum and noise_maximum must be (d) arrays; write them so");
    require(std::isfinite(log_volume_) && all_finite(minimum_) && all_finite(maximum_),
            "the noise holds NaN or infinite numbers; write finite ones");
    for (std::size_t j = 0; j < d; ++j)
      require(minimum_[j] <= maximum_[j],
              "noise_minimum is above noise_maximum in column " + std::to_string(j) + "; exchange them");
  }

  BackgroundDensity density(double log_weight, double log_volume, std::span<const double> log_scales,
                            const KernelTable& kernels) const override {
    const double of_complete = log_weight + (log_volume - log_volume_);
    std::vector<double> sides = log_sides(kernels);  // what is missing has no side, and no scale
    for (std::size_t j = 0; j < log_scales.size(); ++j) sides[j] -= log_scales[j];
    return [of_complete, sides = std::move(sides)](const double*, const double* mask, double* out) {
      std::fill_n(out, kTileRows, of_complete);
      for (std::size_t j = 0; j < sides.size() && mask; ++j, mask += kTileRows)
        for (int r = 0; r < kTileRows; ++r) out[r] += (1.0 - mask[r]) * sides[j];
    };
  }

  std::shared_ptr<const Background> of_columns(std::span<const int> columns,
                                               const KernelTable& kernels) const override {
    double log_volume = 0.0;
    for (const double log_side : values_of(log_sides(kernels), columns)) log_volume += log_side;
    return std::make_shared<Uniform>(log_volume, values_of(minimum_, columns), values_of(maximum_, columns));
  }

  std::vector<double> mean() const override {
    std::vector<double> out;
    for (std::size_t j = 0; j < minimum_.size(); ++j)
      out.push_back(minimum_[j] + 0.5 * (maximum_[j] - minimum_[j]));
    return out;
  }

  std::vector<double> variances() const override {
    std::vector<double> out;
    for (std::size_t j = 0; j < minimum_.size(); ++j) {
      const double side = maximum_[j] - minimum_[j];
      out.push_back(side * side / 12.0);
    }
    return out;
  }

  void draw(const RowRandom& random, double* x) const override {
    for (std::size_t j = 0; j < minimum_.size(); ++j)
      x[j] = minimum_[j] + random(static_cast<int>(j)) * (maximum_[j] - minimum_[j]);
  }

 private:
  /// (d) each column's part of ln V: its side's and, where V is another than the box's, as much of the
  /// difference as any other's. A column whose side is 0 has no side.
  std::vector<double> log_sides(const KernelTable& kernels) const {
    std::vector<double> sides;
    double of_box = 0.0;
    for (std::size_t j = 0; j < minimum_.size(); ++j) {
      const double side = maximum_[j] - minimum_[j];
      sides.push_back(side > 0.0 ? log_of(side, kernels) : 0.0);
      of_box += sides.back();
    }
    for (double& side : sides) side += (log_volume_ - of_box) / static_cast<double>(sides.size());
    return sides;
  }

  double log_volume_ = 0.0;
  std::vector<double> minimum_, maximum_;  ///< (d)
};

}  // namespace

std::shared_ptr<const Background> make_uniform() {
  return std::make_shared<Uniform>();
}

}  // namespace gmmpi
