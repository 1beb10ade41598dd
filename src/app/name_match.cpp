// match_names, places_of: one rule for names of columns.
#include "app/name_match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "app/say.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

constexpr int kMostNamesShown = 10;

/// The place of each name, -1 for those that occur several times.
std::unordered_map<std::string, int> unique_places(const std::vector<std::string>& names) {
  std::unordered_map<std::string, int> places;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const auto [place, is_new] = places.emplace(names[i], static_cast<int>(i)); !is_new)
      place->second = -1;
  return places;
}

/// What a contradiction is, without its remedy.
std::string problem_text(const ColumnNames& wanted, const ColumnNames& there) {
  const auto in_wanted = unique_places(wanted.names), in_there = unique_places(there.names);
  std::vector<std::string> missing;
  for (const std::string& name : wanted.names) {
    const auto place = in_there.find(name);
    if (place == in_there.end())
      missing.push_back(name);
    else if (place->second < 0 || in_wanted.at(name) < 0)
      return fmt::format("several columns of {} are named '{}'",
                         place->second < 0 ? there.owner : wanted.owner, name);
  }
  return fmt::format("{} has no column {}, which {} has (its columns are {})", there.owner,
                     name_list(missing), wanted.owner, name_list(there.names));
}

}  // namespace

std::string name_list(const std::vector<std::string>& names) {
  const std::size_t shown = std::min<std::size_t>(names.size(), kMostNamesShown);
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
  if (shown < names.size()) text += fmt::format(", ... ({} in all)", names.size());
  return text;
}

NameMatch match_names(const std::vector<std::string>& wanted, const std::vector<std::string>& there) {
  if (wanted.empty() || there.empty()) return {};
  if (wanted == there) return {NameRelation::same, {}};
  const auto in_wanted = unique_places(wanted), in_there = unique_places(there);
  std::vector<int> places;
  bool known = false;
  for (const std::string& name : wanted) {
    const auto place = in_there.find(name);
    if (place == in_there.end()) continue;
    known = true;
    if (place->second >= 0 && in_wanted.at(name) >= 0) places.push_back(place->second);
  }
  if (!known) return {NameRelation::foreign, {}};
  if (places.size() < wanted.size()) return {NameRelation::contradict, {}};
  return {NameRelation::found, std::move(places)};
}

void warn_of_order(const Communicator& comm, const ColumnNames& wanted, const ColumnNames& there,
                   const std::string& remedy) {
  if (comm.is_root())
    note("gmmpi: warning: {} has the columns {}, {} {}: they are taken in their order; {}\n", there.owner,
         name_list(there.names), wanted.owner, name_list(wanted.names), remedy);
}

std::vector<int> places_of(const Communicator& comm, const ColumnNames& wanted, const ColumnNames& there,
                           const std::string& remedy) {
  NameMatch match = match_names(wanted.names, there.names);
  const bool as_many = wanted.names.size() == there.names.size();
  if (match.relation == NameRelation::contradict || (match.relation == NameRelation::foreign && !as_many))
    throw Error(ExitCode::bad_data, problem_text(wanted, there) + ": " + remedy);
  if (match.relation == NameRelation::foreign) warn_of_order(comm, wanted, there, remedy);
  return std::move(match.places);
}

}  // namespace gmmpi::app
