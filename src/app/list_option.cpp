// Lists with commas, as options have them.
#include "app/list_option.hpp"

namespace gmmpi::app {

std::vector<ListItem> split_list(const std::string& text) {
  std::vector<ListItem> items(1);
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    ListItem& item = items.back();
    if (text[i] == '"' && inside && i + 1 < text.size() && text[i + 1] == '"')
      item.text += text[i++];
    else if (text[i] == '"' && (inside || item.text.empty()))
      inside = !inside, item.quoted = true;
    else if (text[i] == ',' && !inside)
      items.emplace_back();
    else
      item.text += text[i];
  }
  return items;
}

}  // namespace gmmpi::app
