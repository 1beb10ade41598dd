// The registry of covariance structures: a new one is a line here.
#include "gmmpi/error.hpp"
#include "model/structures/structures.hpp"

namespace gmmpi {

namespace {

const std::vector<std::unique_ptr<CovarianceStructure>>& registry() {
  static const auto structures = [] {
    std::vector<std::unique_ptr<CovarianceStructure>> list;
    list.push_back(make_full());
    list.push_back(make_tied());
    list.push_back(make_diag());
    list.push_back(make_spherical());
    list.push_back(make_no_structure());
    return list;
  }();
  return structures;
}

}  // namespace

std::vector<std::string> covariance_types() {
  std::vector<std::string> names;
  for (const auto& structure : registry())
    if (&structure->layout() != &no_covariances()) names.emplace_back(structure->name());
  return names;
}

const CovarianceStructure& find_structure(std::string_view name) {
  std::string known;
  for (const auto& structure : registry()) {
    if (structure->name() == name) return *structure;
    if (&structure->layout() != &no_covariances())
      known += (known.empty() ? "" : ", ") + std::string(structure->name());
  }
  throw Error(ExitCode::usage,
              "covariance type '" + std::string(name) + "' is unknown; choose one of " + known);
}

}  // namespace gmmpi
