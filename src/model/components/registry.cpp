// The registry of kinds of components: a new one is a line here.
#include <algorithm>

#include "gmmpi/error.hpp"
#include "model/chi_square.hpp"
#include "model/components/components.hpp"

namespace gmmpi {

namespace {

const std::vector<std::unique_ptr<Component>>& registry() {
  static const auto components = [] {
    std::vector<std::unique_ptr<Component>> list;
    list.push_back(make_gaussian());
    list.push_back(make_student());
    list.push_back(make_bernoulli());
    return list;
  }();
  return components;
}

}  // namespace

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
