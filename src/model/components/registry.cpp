// The registry of kinds of components.
#include <algorithm>
#include <stdexcept>

#include "gmmpi/error.hpp"
#include "gmmpi/model/mixture.hpp"
#include "model/chi_square.hpp"

/// The kinds that the library brings: a new one is a line here.
#define GMMPI_COMPONENTS(X) \
  X(make_gaussian)          \
  X(make_student)           \
  X(make_bernoulli)

namespace gmmpi {

#define GMMPI_DECLARE(make) std::unique_ptr<Component> make();
GMMPI_COMPONENTS(GMMPI_DECLARE)
#undef GMMPI_DECLARE

namespace {

std::vector<std::unique_ptr<Component>>& registry() {
  static std::vector<std::unique_ptr<Component>> components = [] {
    std::vector<std::unique_ptr<Component>> list;
#define GMMPI_ADD(make) list.push_back(make());
    GMMPI_COMPONENTS(GMMPI_ADD)
#undef GMMPI_ADD
    return list;
  }();
  return components;
}

}  // namespace

void register_component(std::unique_ptr<Component> component) {
  for (const auto& known : registry())
    if (known->name() == component->name())
      throw std::logic_error("there is a component of the name " + std::string(component->name()) +
                             " already");
  registry().push_back(std::move(component));
}

void Component::mean_about(const double* x, std::span<double> mean) const {
  std::copy_n(x, mean.size(), mean.begin());
}

double Component::distance_quantile(const Mixture& m, int, double p, const KernelTable& kernels) const {
  return chi_square_upper_quantile(p, m.n_features, kernels);
}

std::vector<std::string> component_names() {
  std::vector<std::string> names;
  for (const auto& component : registry()) names.emplace_back(component->name());
  return names;
}

const Component& find_component(std::string_view name) {
  std::string known;
  for (const auto& component : registry()) {
    if (component->name() == name) return *component;
    known += (known.empty() ? "" : ", ") + std::string(component->name());
  }
  throw Error(ExitCode::usage, "family '" + std::string(name) + "' is unknown; choose one of " + known);
}

}  // namespace gmmpi
