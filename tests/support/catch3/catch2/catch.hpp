// Catch2 3 under the names of Catch2 2, which the tests use. On the include path only where 3 is installed.
#pragma once

#include <catch2/catch_all.hpp>

using Catch::Approx;

namespace Catch {

inline Matchers::StringContainsMatcher Contains(const std::string& text) {
  return Matchers::ContainsSubstring(text);
}

}  // namespace Catch
