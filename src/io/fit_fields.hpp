// The parts of a fit that models and checkpoints have in common, as fields.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gmmpi/em/fit.hpp"
#include "io/field_list.hpp"

namespace gmmpi {

using Doubles = Field::Array<double>;
using Integers = Field::Array<std::int64_t>;

std::vector<Index> covariance_shape(const Mixture& mixture);

/// covariance_type, weights, means, covariances, the noise if there is any, the rule of labels if it is not
/// the posterior: all that determines a mixture.
std::vector<Field> parameter_fields(const Mixture& mixture, const std::string& group,
                                    bool with_factors = false);

/// Reads them; shapes are checked, numbers are not. Error 65 that starts with `name`.
Mixture read_parameters(hid_t group, const std::string& name);

/// The group "transform": center, scale and components; none where the transform is empty.
std::vector<Field> transform_fields(const Transform& transform);

/// The group /transform of a file, if it has one. Error 65 that starts with `name`: shapes, numbers that are
/// not finite, scales that are not positive, components that are not orthonormal.
Transform read_transform_group(hid_t file, const std::string& name);

/// As the user writes it; "model" for a model file.
std::string init_name(Init init);

std::string acceleration_name(Acceleration acceleration);

/// Those that the fit keeps, if they are not empty.
std::vector<Field> trace_fields(const Traces& traces, const FitOptions& options, const std::string& group);

/// "weights,means": what --fix keeps; "" if nothing.
std::string fixed_name(const FixedParameters& fixed);

/// What a fit's numbers depend on, in the group "options". A start, a transform and labels count by
/// their content; those of options_with_defaults are there only if they are not the default. `trace` changes
/// no number of the model, so it is not digested.
std::vector<Field> numeric_options(const FitOptions& options);
/// The name of such an option, and what its absence stands for.
struct OptionWithDefault {
  std::string name, usual;
  bool is_integer = false;
};
const std::vector<OptionWithDefault>& options_with_defaults();

/// Rows of [restart, iteration, component, row].
Integers reseed_table(const std::vector<Reseed>& reseeds);
std::vector<Reseed> reseeds_of_table(const std::vector<std::int64_t>& values);

}  // namespace gmmpi
