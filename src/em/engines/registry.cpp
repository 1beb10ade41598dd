// The registry of engines: a new one is a line here. The first is the default.
#include "em/engines/engines.hpp"

namespace gmmpi {

const std::vector<const Engine*>& engines() {
  static const std::vector<const Engine*> all{&em_engine(), &hard_engine(), &kmeans_engine(),
                                              &stepwise_engine(), &sequential_engine()};
  return all;
}

const Engine& default_engine() {
  return *engines().front();
}

const Engine& find_engine(std::string_view name) {
  for (const Engine* engine : engines())
    if (engine->name() == name) return *engine;
  throw Error(ExitCode::usage, "`engine`: '" + std::string(name) + "' is unknown; choose " +
                                   engines_that([](const Engine&) { return true; }));
}

std::string engines_that(const std::function<bool(const Engine&)>& is_true, std::string_view between) {
  std::string names;
  for (const Engine* engine : engines())
    if (is_true(*engine)) names.append(names.empty() ? "" : between).append(engine->name());
  return names;
}

}  // namespace gmmpi
