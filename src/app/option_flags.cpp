// Options in the library's messages: which keys are options, and how each is written.
#include "app/option_flags.hpp"

#include <algorithm>

#include "app/option_table.hpp"

namespace gmmpi::app {

namespace {

/// "n_components" to "-k", "reg_covar" to "--reg-covar"; "" if no option has this key.
std::string flag_of(std::string key) {
  std::ranges::replace(key, '_', '-');
  const auto option = std::ranges::find(option_table(), key, &OptionSpec::name);
  if (option == option_table().end()) return "";
  return option->short_name.empty() ? "--" + key : "-" + option->short_name;
}

}  // namespace

std::string with_flags(const std::string& text) {
  std::string out;
  std::size_t begin = 0;  // of what is not in `out` yet
  while (true) {
    const std::size_t open = text.find('`', begin);
    const std::size_t close = open == std::string::npos ? open : text.find('`', open + 1);
    if (close == std::string::npos) return out + text.substr(begin);
    const std::string flag = flag_of(text.substr(open + 1, close - open - 1));
    out += text.substr(begin, open - begin);
    if (flag.empty()) out += '`';
    out += flag;
    begin = flag.empty() ? open + 1 : close + 1;
  }
}

}  // namespace gmmpi::app
