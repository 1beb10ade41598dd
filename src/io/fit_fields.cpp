// Fields of models and checkpoints.
#include "io/fit_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmpi/error.hpp"
#include "model/decomposition.hpp"

namespace gmmpi {

namespace {

constexpr const char *kAssignment = "assignment", *kNearest = "nearest";
constexpr const char* kNoiseKind = "noise_kind";  ///< not written for the default
constexpr const char* kNoise = "noise_";          ///< with a parameter's name

LabelRule read_label_rule(hid_t group, const std::string& name) {
  if (!h5::has_attribute(group, kAssignment)) return LabelRule::posterior;
  const auto rule = h5::read_attribute<std::string>(group, kAssignment);
  if (rule == kNearest) return LabelRule::nearest;
  if (rule == "posterior") return LabelRule::posterior;
  throw Error(ExitCode::bad_data, fmt::format("{}: /model has assignment '{}', which is unknown; write {} or "
                                              "posterior, or remove the attribute",
                                              name, rule, kNearest));
}

constexpr const char* kSharing[] = {"each", "shared", "fixed"};

const char* sharing_name(Sharing sharing) {
  return kSharing[static_cast<int>(sharing)];
}

/// "each" where the attribute is missing.
Sharing read_sharing(hid_t group, const std::string& attribute, const std::string& name) {
  if (!h5::has_attribute(group, attribute.c_str())) return Sharing::each;
  const auto text = h5::read_attribute<std::string>(group, attribute.c_str());
  for (const Sharing sharing : {Sharing::each, Sharing::shared, Sharing::fixed})
    if (text == sharing_name(sharing)) return sharing;
  throw Error(ExitCode::bad_data, fmt::format("{}: /model has {} '{}', which is unknown; write each, shared or "
                                              "fixed, or remove the attribute",
                                              name, attribute, text));
}

}  // namespace

std::vector<Index> covariance_shape(const Mixture& m) {
  const auto dims = m.layout().dims(m.n_components, m.n_features);
  return {dims.begin(), dims.end()};
}

std::vector<Field> parameter_fields(const Mixture& m, const std::string& group, bool with_factors) {
  const Index K = m.n_components, d = m.n_features;
  std::vector<Field> fields{{group, "weights", Doubles{m.weights, {K}}, true},
                            {group, "means", Doubles{m.means, {K, d}}, true}};
  const std::string own(m.component->own_name()), matrices(m.component->matrices_name());
  if (!m.component->has_covariances() || !own.empty())
    fields.push_back({group, "family", std::string(m.component->name()), true});
  if (!own.empty()) {
    fields.push_back({group, own, Doubles{m.own, {K}}, true});
    fields.push_back({group, own + "_sharing", std::string(sharing_name(m.own_sharing)), true});
  }
  if (m.component->has_covariances()) {
    fields.push_back({group, "covariance_type", std::string(m.structure->name()), true});
    fields.push_back({group, matrices, Doubles{m.covariances, covariance_shape(m)}, true});
    if (with_factors || !m.floored.empty())
      fields.push_back(
          {group, "precisions_cholesky", Doubles{m.precisions_cholesky, covariance_shape(m)}, true});
    if (with_factors && m.structure->is_constrained() && has_letters(*m.structure)) {
      const Decomposition parts = decompose(m);
      fields.push_back({group, "scale", Doubles{parts.scale, {K}}, true});
      fields.push_back({group, "shape", Doubles{parts.shape, {K, d}}, true});
      fields.push_back({group, "orientation", Doubles{parts.orientation, {K, d, d}}, true});
    }
    if (const Index n = std::ssize(m.floored); n > 0)
      fields.push_back({group, "degenerate", Integers{{m.floored.begin(), m.floored.end()}, {n}}, true});
  }
  if (m.label_rule == LabelRule::nearest) fields.push_back({group, kAssignment, std::string(kNearest), true});
  if (m.noise) {
    fields.push_back({group, "noise_weight", m.noise->weight, true});
    if (const std::string kind(m.noise->background->name()); kind != default_background()->name())
      fields.push_back({group, kNoiseKind, kind, true});
    for (BackgroundField& f : m.noise->background->fields())
      fields.push_back({group, kNoise + f.name,
                        f.is_number ? Field::Value(f.values[0]) : Field::Value(Doubles{f.values, {d}}),
                        true});
  }
  return fields;
}

std::vector<Field> transform_fields(const Transform& t) {
  if (t.empty()) return {};
  const Index d = t.n_inputs(), m = t.n_outputs();
  std::vector<Field> fields{{"transform", "center", Doubles{t.center, {d}}, true},
                            {"transform", "scale", Doubles{t.scale, {m}}, true}};
  if (!t.components.empty())
    fields.push_back({"transform", "components", Doubles{t.components, {m, d}}, true});
  return fields;
}

namespace {

/// Rows of unit length at right angles, to the rounding of single precision: the way back is the transpose.
bool orthonormal(const Transform& t) {
  const std::size_t d = t.n_inputs(), m = t.n_outputs();
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t l = i; l < m; ++l) {
      double sum = 0.0;
      for (std::size_t j = 0; j < d; ++j) sum += t.components[i * d + j] * t.components[l * d + j];
      if (!(std::abs(sum - (i == l ? 1.0 : 0.0)) <= 1e-6)) return false;
    }
  return true;
}

}  // namespace

Transform read_transform_group(hid_t file, const std::string& name) {
  if (!h5::exists(file, "/transform")) return {};
  const h5::Handle group = h5::open_group(file, "/transform");
  const auto require = [&](bool good, const char* problem) {
    if (!good) throw Error(ExitCode::bad_data, name + ": /transform: " + problem);
  };
  const auto finite = [](const std::vector<double>& values) {
    return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
  };
  Transform t;
  std::vector<Index> dims;
  t.center = h5::read_dataset<double>(group, "center", &dims);
  require(dims.size() == 1 && dims[0] > 0, "center must be a (d) array; write it so");
  t.scale = h5::read_dataset<double>(group, "scale", &dims);
  require(dims.size() == 1 && dims[0] > 0 && dims[0] <= t.n_inputs(),
          "scale must be an (m) array, m not above d; write it so");
  if (h5::exists(file, "/transform/components")) {
    t.components = h5::read_dataset<double>(group, "components", &dims);
    require(dims == std::vector<Index>{t.n_outputs(), t.n_inputs()},
            "components must be an (m, d) array; write it so");
    require(orthonormal(t), "the components are not orthonormal; give rows of length 1 at right angles");
  } else {
    require(t.n_outputs() == t.n_inputs(),
            "without components, scale must be as long as center; write it so");
  }
  require(finite(t.center) && finite(t.scale), "it holds NaN or infinite numbers; write finite ones");
  require(std::ranges::all_of(t.scale, [](double s) { return s >= std::numeric_limits<double>::min(); }),
          "a scale is not positive; write positive ones");
  return t;
}

std::string init_name(Init init) {
  static constexpr const char* names[] = {"kmeans", "k-means++", "random", "random-from-data", "model", "labels"};
  return names[static_cast<int>(init)];
}

std::string acceleration_name(Acceleration acceleration) {
  return acceleration == Acceleration::lbfgs ? "lbfgs" : "none";
}

std::string fixed_name(const FixedParameters& fixed) {
  std::string names;
  for (const auto& [is_fixed, name] : {std::pair{fixed.weights, "weights"}, std::pair{fixed.means, "means"},
                                       std::pair{fixed.covariances, "covariances"}})
    if (is_fixed) {
      if (!names.empty()) names += ',';
      names += name;
    }
  return names;
}

std::vector<Field> trace_fields(const Traces& traces, const FitOptions& options, const std::string& group) {
  std::vector<Field> fields;
  for (const TraceKind& kind : trace_kinds(options))
    if (const auto& values = traces[kind.name]; !values.empty())
      fields.push_back(
          {group, std::string(kind.name), Doubles{values, {std::ssize(values)}}, kind.in_digest});
  return fields;
}

namespace {

Field::Value number_or_auto(const std::optional<double>& x) {
  return x ? Field::Value(*x) : Field::Value(std::string("auto"));
}

/// As it is written.
struct StoredOption {
  Field::Value operator()(const int* value) const { return std::int64_t{*value}; }
  Field::Value operator()(const std::optional<double>* value) const { return number_or_auto(*value); }
};

}  // namespace

const std::vector<OptionWithDefault>& options_with_defaults() {
  static const std::vector<OptionWithDefault> options{{"engine", std::string(default_engine().name())},
                                                      {"accelerate", "none"},
                                                      {"trace", "none"},
                                                      {"short_runs", "0", true},
                                                      {"prior", "none"},
                                                      {"labels_fingerprint", "not set"},
                                                      {"init_labels_fingerprint", "not set"},
                                                      {"relative_weights", "false"},
                                                      {"fix", "not set"},
                                                      {"noise", "not set"}};
  return options;
}

std::vector<Field> numeric_options(const FitOptions& o) {
  const std::string group = "options";
  std::vector<Field> fields{{group, "n_components", std::int64_t{o.n_components}, true},
                            {group, "family", std::string(o.component->name()), true},
                            {group, "n_init", std::int64_t{o.n_init}, true},
                            {group, "tol", o.tol, true},
                            {group, "max_iter", std::int64_t{o.max_iter}, true},
                            {group, "reg_covar", number_or_auto(o.reg_covar), true},
                            {group, "seed", static_cast<std::int64_t>(o.seed), true},
                            {group, "on_collapse", std::string(o.fail_on_collapse ? "fail" : "reseed"), true},
                            {group, "skip", std::string(o.skip ? "auto" : "none"), true}};
  if (o.component->has_covariances())
    fields.push_back({group, "covariance_type", std::string(o.structure->name()), true});
  if (const std::string own(o.component->own_name()); !own.empty())
    fields.push_back({group, own,
                      o.own.sharing == Sharing::fixed ? Field::Value(o.own.value)
                                                      : Field::Value(std::string(sharing_name(o.own.sharing))),
                      true});
  if (o.short_runs > 0) fields.push_back({group, "short_runs", std::int64_t{o.short_runs}, true});
  if (o.engine != &default_engine()) fields.push_back({group, "engine", std::string(o.engine->name()), true});
  EngineOptions own = o.engine_options.has_value() ? o.engine_options : o.engine->options();
  for (const OptionField& option : own.fields())
    fields.push_back({group, option.name, std::visit(StoredOption(), option.place), true});
  if (o.accelerate != Acceleration::none)
    fields.push_back({group, "accelerate", acceleration_name(o.accelerate), true});
  if (o.trace_bound) fields.push_back({group, "trace", std::string("elbo"), false});
  if (!o.transform.empty())
    fields.push_back({group, "transform", digest(transform_fields(o.transform)), true});
  if (o.labels) fields.push_back({group, "labels_fingerprint", o.labels->fingerprint(), true});
  if (o.noise) {
    fields.push_back({group, "noise", std::string("true"), true});
    if (o.noise->kind != default_background()->name())
      fields.push_back({group, kNoiseKind, o.noise->kind, true});
    fields.push_back({group, "noise_weight", o.noise->weight, true});
    fields.push_back({group, "noise_volume", number_or_auto(o.noise->volume), true});
    if (const Index d = std::ssize(o.noise->minimum); d > 0) {
      const Doubles low{o.noise->minimum, {d}}, high{o.noise->maximum, {d}};
      fields.push_back({group, "noise_box",
                        digest({{"box", "minimum", low, true}, {"box", "maximum", high, true}}), true});
    }
  }
  if (o.relative_weights) fields.push_back({group, "relative_weights", std::string("true"), true});
  if (o.fixed.any()) fields.push_back({group, "fix", fixed_name(o.fixed), true});
  if (o.prior) {
    fields.push_back({group, "prior", std::string("auto"), true});
    fields.push_back({group, "prior_shrinkage", o.prior->shrinkage, true});
    fields.push_back({group, "prior_dof", number_or_auto(o.prior->dof), true});
    fields.push_back({group, "prior_scale", number_or_auto(o.prior->scale), true});
    fields.push_back({group, "prior_weight", o.prior->weight, true});
  }
  if (o.start) {
    std::vector<Field> start = parameter_fields(*o.start, "start");
    std::erase_if(start, [](const Field& f) { return f.name == kAssignment; });  // no fit depends on it
    fields.push_back({group, "start", digest(std::move(start)), true});
  } else {
    fields.push_back({group, "init", init_name(o.init), true});
    if (o.init_labels)
      fields.push_back({group, "init_labels_fingerprint", o.init_labels->fingerprint(), true});
  }
  return fields;
}

namespace {

Noise read_noise(hid_t group, const std::string& name) {
  Noise noise{h5::read_attribute<double>(group, "noise_weight")};
  if (h5::has_attribute(group, kNoiseKind)) {
    try {
      noise.background = find_background(h5::read_attribute<std::string>(group, kNoiseKind));
    } catch (const Error& e) {
      throw Error(ExitCode::bad_data, name + ": " + e.what());
    }
  }
  std::vector<BackgroundField> fields = noise.background->fields();
  for (BackgroundField& f : fields) {
    const std::string place = kNoise + f.name;
    f.values = f.is_number ? std::vector{h5::read_attribute<double>(group, place.c_str())}
                           : h5::read_dataset<double>(group, place.c_str());
  }
  noise.background = noise.background->of(std::move(fields));
  return noise;
}

}  // namespace

Mixture read_parameters(hid_t group, const std::string& name) {
  Mixture m;
  std::string type;
  try {
    if (h5::has_attribute(group, "family"))
      m.component = &find_component(h5::read_attribute<std::string>(group, "family"));
    m.structure = &unconstrained(no_covariances());
    if (m.component->has_covariances()) {
      type = h5::read_attribute<std::string>(group, "covariance_type");
      m.structure = &find_structure(type);
    }
  } catch (const Error& e) {
    throw Error(ExitCode::bad_data, name + ": " + e.what());
  }
  std::vector<Index> dims;
  m.means = h5::read_dataset<double>(group, "means", &dims);
  if (dims.size() != 2 || dims[0] < 1 || dims[1] < 1)
    throw Error(ExitCode::bad_data, name + ": /model/means must be a (K, d) array; write it so");
  m.n_components = static_cast<int>(dims[0]);
  m.n_features = static_cast<int>(dims[1]);
  m.weights = h5::read_dataset<double>(group, "weights", &dims);
  if (h5::has_attribute(group, "noise_weight")) m.noise = read_noise(group, name);
  m.label_rule = read_label_rule(group, name);
  if (const std::string own(m.component->own_name()); !own.empty()) {
    m.own = h5::read_dataset<double>(group, own.c_str());
    m.own_sharing = read_sharing(group, own + "_sharing", name);
  }
  if (!m.component->has_covariances()) return m;
  const std::string matrices(m.component->matrices_name());
  m.covariances = h5::read_dataset<double>(group, matrices.c_str(), &dims);
  if (dims != covariance_shape(m))
    throw Error(ExitCode::bad_data,
                fmt::format("{}: /model/{} has shape ({}); covariance type '{}' with {} "
                            "components and {} columns needs ({}); write it so",
                            name, matrices, fmt::join(dims, ", "), type, m.n_components, m.n_features,
                            fmt::join(covariance_shape(m), ", ")));
  if (h5::exists(group, "degenerate")) {
    const auto floored = h5::read_dataset<std::int64_t>(group, "degenerate");
    m.floored.assign(floored.begin(), floored.end());
    m.precisions_cholesky = h5::read_dataset<double>(group, "precisions_cholesky");
  }
  return m;
}

Integers reseed_table(const std::vector<Reseed>& reseeds) {
  Integers table{{}, {std::ssize(reseeds), 4}};
  for (const Reseed& e : reseeds)
    table.values.insert(table.values.end(), {e.restart, e.iteration, e.component, e.row});
  return table;
}

std::vector<Reseed> reseeds_of_table(const std::vector<std::int64_t>& v) {
  std::vector<Reseed> reseeds;
  for (std::size_t i = 0; i + 3 < v.size(); i += 4)
    reseeds.push_back(
        {static_cast<int>(v[i]), static_cast<int>(v[i + 1]), static_cast<int>(v[i + 2]), v[i + 3]});
  return reseeds;
}

}  // namespace gmmpi
