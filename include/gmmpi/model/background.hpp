// What rows are of that belong to no component: a density beside those of the components.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmmpi/model/component.hpp"

namespace gmmpi {

/// A noise component beside the others: p(x) = w_0 b(x) + sum_k w_k p(x | k).
struct NoiseOptions {
  double weight = 0.05;                  ///< w_0 of the start, in (0, 1), unless the start has noise itself
  std::optional<double> volume;          ///< V of uniform noise; none: that of the box
  std::vector<double> minimum, maximum;  ///< (d) the box; empty: the smallest that holds all rows
  std::string kind = "uniform";          ///< of the background

  bool operator==(const NoiseOptions&) const = default;
};

/// A parameter of a background: its name in files is `noise_` and this.
struct BackgroundField {
  std::string name, title;  ///< the title is for people
  bool is_number = false;   ///< else there is one for each column
  std::vector<double> values{};
};

/// ln w_0 b(x) of the rows of a tile: out (64) from `xt` (d, 64), the columns, and `mask` (d, 64), which is 1
/// where a column is observed and 0 where not, or null. For all threads; it holds all that it needs.
using BackgroundDensity = std::function<void(const double* xt, const double* mask, double* out)>;

/// A density b(x) with parameters that no M-step changes, of independent columns, flat on the scale of rows'
/// errors. A kind is one file in src/model/backgrounds and one line in registry.cpp; what that registry holds
/// has no parameters yet. Nobody outside asks which kind it is.
class Background {
 public:
  virtual ~Background() = default;
  virtual std::string_view name() const = 0;  ///< in files and text: "uniform"
  /// What AIC and BIC count besides the weight.
  virtual std::int64_t n_parameters() const = 0;

  /// Error 65 that starts with `name`, the data's, or Error 64: these options give none. They have a box (d).
  virtual void check(const NoiseOptions& options, const std::string& name) const = 0;
  /// That of a fit with these options, which have a box and are checked.
  virtual std::shared_ptr<const Background> begin(const NoiseOptions& options,
                                                  const KernelTable& kernels) const = 0;

  /// Its parameters, as files hold them.
  virtual std::vector<BackgroundField> fields() const = 0;
  /// That of these fields, as they were read.
  virtual std::shared_ptr<const Background> of(std::vector<BackgroundField> fields) const = 0;
  /// Error 65 that starts with `name` unless it is one of d columns.
  virtual void validate(int n_features, const std::string& name) const = 0;

  /// `log_weight`: ln w_0. A transform of the rows adds `log_volume` to every log density, of which each
  /// column has its part in `log_scales` (d, or none).
  virtual BackgroundDensity density(double log_weight, double log_volume, std::span<const double> log_scales,
                                    const KernelTable& kernels) const = 0;
  /// That of these columns alone, whatever the others are.
  virtual std::shared_ptr<const Background> of_columns(std::span<const int> columns,
                                                       const KernelTable& kernels) const = 0;
  virtual std::vector<double> mean() const = 0;       ///< (d)
  virtual std::vector<double> variances() const = 0;  ///< (d)
  virtual void draw(const RowRandom& random, double* x) const = 0;
};

/// The kind of that name. Throws Error 64 naming those that exist.
std::shared_ptr<const Background> find_background(std::string_view name);
/// Uniform noise, which files do not name.
std::shared_ptr<const Background> default_background();
/// Adds a kind, before anything is fitted: for programs that embed the library. std::logic_error if there is
/// one of that name.
void register_background(std::shared_ptr<const Background> background);

/// What belongs to no component of a mixture.
struct Noise {
  double weight = 0.0;  ///< w_0
  std::shared_ptr<const Background> background = default_background();
};

}  // namespace gmmpi
