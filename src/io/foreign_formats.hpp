// Files that hold tables but that gmmpi does not read, by their first bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gmmpi {

struct ForeignFormat {
  std::string name;    ///< "a FITS file"
  std::string remedy;  ///< what to do with it
};

/// What a file that begins like this is; nothing where that is not known. `head`: its first 4 KiB.
std::optional<ForeignFormat> foreign_format(std::string_view head);

}  // namespace gmmpi
