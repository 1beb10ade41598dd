// The registry of covariance families: a new one is a line here.
#include "gmmpi/error.hpp"
#include "model/families/families.hpp"

namespace gmmpi {

namespace {

const std::vector<std::unique_ptr<CovarianceFamily>>& registry() {
  static const auto families = [] {
    std::vector<std::unique_ptr<CovarianceFamily>> list;
    list.push_back(make_full());
    list.push_back(make_tied());
    list.push_back(make_diag());
    list.push_back(make_spherical());
    list.push_back(make_bernoulli());
    return list;
  }();
  return families;
}

}  // namespace

std::vector<std::string> covariance_types() {
  std::vector<std::string> names;
  for (const auto& family : registry())
    if (family->precision_shape() != PrecisionShape::none) names.emplace_back(family->name());
  return names;
}

const CovarianceFamily& find_family(std::string_view name) {
  std::string known;
  for (const auto& family : registry()) {
    if (family->name() == name) return *family;
    known += (known.empty() ? "" : ", ") + std::string(family->name());
  }
  throw Error(ExitCode::usage,
              "covariance type '" + std::string(name) + "' is unknown; choose one of " + known);
}

}  // namespace gmmpi
