// Names from files of any encoding, as UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace gmmpi {

bool is_utf8(std::string_view text);

/// The text if it is UTF-8; else as which Windows-1252 reads it, of which Latin-1's letters are a part.
std::string as_utf8(std::string_view text);

}  // namespace gmmpi
