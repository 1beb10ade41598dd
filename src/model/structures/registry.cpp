// The registry of covariance structures, in mclust's order: a new one is a line here.
#include <algorithm>

#include "gmmpi/error.hpp"
#include "model/structures/structures.hpp"

namespace gmmpi {

namespace {

const std::vector<std::unique_ptr<CovarianceStructure>>& registry() {
  static const auto structures = [] {
    std::vector<std::unique_ptr<CovarianceStructure>> list;
    list.push_back(make_eii());
    list.push_back(make_spherical());
    list.push_back(make_eei());
    list.push_back(make_vei());
    list.push_back(make_evi());
    list.push_back(make_diag());
    list.push_back(make_tied());
    list.push_back(make_vee());
    list.push_back(make_eve());
    list.push_back(make_vve());
    list.push_back(make_eev());
    list.push_back(make_vev());
    list.push_back(make_evv());
    list.push_back(make_full());
    list.push_back(make_no_structure());
    return list;
  }();
  return structures;
}

std::string upper_case(std::string_view name) {
  std::string out;
  for (const char c : name) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

/// mclust's names of one column are those of balls.
std::string mclust_name_of(std::string_view name) {
  const std::string upper = upper_case(name);
  return upper == "E" || upper == "V" ? upper + "II" : upper;
}

bool has_covariances(const CovarianceStructure& structure) {
  return &structure.layout() != &no_covariances();
}

}  // namespace

std::vector<std::string> covariance_types() {
  std::vector<std::string> names;
  for (const auto& structure : registry())
    if (has_covariances(*structure) && structure->name() != structure->mclust_name())
      names.emplace_back(structure->name());
  std::ranges::reverse(names);
  return names;
}

std::vector<const CovarianceStructure*> covariance_structures() {
  std::vector<const CovarianceStructure*> out;
  for (const auto& structure : registry())
    if (has_covariances(*structure)) out.push_back(structure.get());
  return out;
}

const CovarianceStructure& find_structure(std::string_view name) {
  const std::string mclust_name = mclust_name_of(name);
  for (const auto& structure : registry())
    if (structure->name() == name || (has_covariances(*structure) && structure->mclust_name() == mclust_name))
      return *structure;
  std::string known;
  for (const std::string& type : covariance_types()) known += type + ", ";
  for (const CovarianceStructure* structure : covariance_structures())
    known += std::string(structure->mclust_name()) + ", ";
  throw Error(ExitCode::usage, "covariance type '" + std::string(name) + "' is unknown; choose one of " +
                                   known.substr(0, known.size() - 2));
}

}  // namespace gmmpi
