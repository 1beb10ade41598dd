// Options and help of engines, from their registry.
#include "app/engine_options.hpp"

#include <algorithm>
#include <climits>

#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

/// As the user writes it.
std::string option_name(const OptionField& field) {
  std::string name = field.name;
  std::ranges::replace(name, '_', '-');
  return name;
}

bool has_option(const Engine& engine, const std::string& name) {
  EngineOptions own = engine.options();
  return std::ranges::any_of(own.fields(), [&](const OptionField& f) { return option_name(f) == name; });
}

/// The value of a given option, into its place.
struct Parse {
  const Options& options;
  const std::string& name;

  void operator()(int* value) const { *value = static_cast<int>(options.integer(name, 1, INT32_MAX)); }
  void operator()(std::optional<double>* value) const {
    if (options.text(name) == "auto")
      value->reset();
    else
      *value = options.number(name, 0.0);
  }
};

}  // namespace

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const Engine* engine : engines()) names.emplace_back(engine->name());
  return names;
}

std::string engine_help() {
  std::string help;
  for (const Engine* engine : engines())
    help.append(help.empty() ? "" : "; ").append(engine->name()).append(": ").append(engine->summary());
  return help;
}

std::string usual_max_iter_help() {
  const int most = default_engine().usual_max_iter();
  std::string help = "auto: " + std::to_string(most);
  for (const Engine* engine : engines())
    if (const int n = engine->usual_max_iter(); n != most)
      help += ", " + std::string(engine->name()) + " " + std::to_string(n);
  return help;
}

std::vector<OptionSpec> engine_option_specs(const std::string& commands) {
  std::vector<OptionSpec> specs;
  for (const Engine* engine : engines()) {
    EngineOptions own = engine->options();
    for (const OptionField& field : own.fields()) {
      const std::string name = option_name(field), help = std::string(engine->name()) + ": " + field.help;
      const auto known = std::ranges::find(specs, name, &OptionSpec::name);
      if (known == specs.end())
        specs.push_back({name, "", field.metavar, "", commands, help});
      else
        known->help += "; " + help;
    }
  }
  return specs;
}

EngineOptions read_engine_options(const Options& options, const Engine& engine) {
  for (const OptionSpec& spec : engine_option_specs(""))
    if (options.has(spec.name) && !has_option(engine, spec.name))
      throw Error(ExitCode::usage,
                  "--" + spec.name + " is for --engine " + engines_that([&](const Engine& one) {
                    return has_option(one, spec.name);
                  }) + "; leave one of them out");
  EngineOptions own = engine.options();
  for (const OptionField& field : own.fields())
    if (const std::string name = option_name(field); options.has(name))
      std::visit(Parse{options, name}, field.place);
  return own;
}

}  // namespace gmmpi::app
