// Lists with commas, as options have them.
#pragma once

#include <string>
#include <vector>

namespace gmmpi::app {

/// An item of a list, and whether it stood in quotes: then it is a name, even if it looks like a number.
struct ListItem {
  std::string text;
  bool quoted = false;
};

/// The items between commas. As in csv, an item may stand in "...": a comma in it is part of it, and "" is a
/// quote.
std::vector<ListItem> split_list(const std::string& text);

}  // namespace gmmpi::app
