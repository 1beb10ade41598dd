// The registry of covariance structures.
#include <algorithm>
#include <memory>
#include <stdexcept>

#include "gmmpi/error.hpp"
#include "gmmpi/model/covariance_structure.hpp"

/// Those that the library brings, in mclust's order: a new one is a line here.
#define GMMPI_STRUCTURES(X) \
  X(make_eii)               \
  X(make_spherical)         \
  X(make_eei)               \
  X(make_vei)               \
  X(make_evi)               \
  X(make_diag)              \
  X(make_tied)              \
  X(make_vee)               \
  X(make_eve)               \
  X(make_vve)               \
  X(make_eev)               \
  X(make_vev)               \
  X(make_evv)               \
  X(make_full)              \
  X(make_no_structure)

namespace gmmpi {

#define GMMPI_DECLARE(make) std::unique_ptr<CovarianceStructure> make();
GMMPI_STRUCTURES(GMMPI_DECLARE)
#undef GMMPI_DECLARE

namespace {

std::vector<std::unique_ptr<CovarianceStructure>>& registry() {
  static std::vector<std::unique_ptr<CovarianceStructure>> structures = [] {
    std::vector<std::unique_ptr<CovarianceStructure>> list;
#define GMMPI_ADD(make) list.push_back(make());
    GMMPI_STRUCTURES(GMMPI_ADD)
#undef GMMPI_ADD
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

void register_structure(std::unique_ptr<CovarianceStructure> structure) {
  for (const auto& known : registry())
    if (known->name() == structure->name())
      throw std::logic_error("there is a structure of the name " + std::string(structure->name()) +
                             " already");
  registry().push_back(std::move(structure));
}

std::vector<std::string> covariance_types() {
  std::vector<std::string> names;
  for (const auto& structure : registry())
    if (has_covariances(*structure) && structure->name() != structure->mclust_name())
      names.emplace_back(structure->name());
  std::ranges::reverse(names);
  return names;
}

const CovarianceStructure& unconstrained(const CovarianceLayout& layout) {
  for (const auto& structure : registry())
    if (&structure->layout() == &layout && !structure->pools()) return *structure;
  throw std::logic_error("no structure has this layout and free covariances");
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
