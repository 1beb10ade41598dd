// Columns of one table or model that another one names: the rule that all commands share.
#pragma once

#include <string>
#include <vector>

#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi::app {

/// Columns of a model or of data, and their names if there are any.
struct ColumnNames {
  std::vector<std::string> names;
  int n_columns = 0;
  std::string owner = "the model";  ///< for messages
};

/// How columns that are wanted stand to those that are there.
enum class NameRelation {
  nameless,   ///< one side has no names
  same,       ///< the same names in the same order
  found,      ///< each wanted name is there once, perhaps beside others
  foreign,    ///< no name is on both sides
  contradict  ///< some wanted names are there and some are not, or a wanted name occurs several times
};

struct NameMatch {
  NameRelation relation = NameRelation::nameless;
  std::vector<int> places;  ///< where `found`: the place of each wanted column among those that are there
};

NameMatch match_names(const std::vector<std::string>& wanted, const std::vector<std::string>& there);

/// The places among `there` of the columns `wanted`; empty: take what is there in its order. Names decide
/// where both sides have them, and the order where one side has none. Names of which none is on both sides
/// are taken in their order with a warning that ends in `remedy`, if they are as many. Error 65 for a
/// contradiction, which names the columns and ends in `remedy`. The warning is printed by the root of `comm`.
std::vector<int> places_of(const Communicator& comm, const ColumnNames& wanted, const ColumnNames& there,
                           const std::string& remedy);

/// Warns that the columns of `there` are taken as those of `wanted` in their order, though names differ.
void warn_of_order(const Communicator& comm, const ColumnNames& wanted, const ColumnNames& there,
                   const std::string& remedy);

/// "a, b, c", or the first ten and how many there are.
std::string name_list(const std::vector<std::string>& names);

}  // namespace gmmpi::app
