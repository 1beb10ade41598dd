// Printing that cannot fail: a log that nobody reads any more must not end a fit.
#pragma once

#include <fmt/format.h>

#include <cstdio>

namespace gmmpi::app {

inline void say_to(std::FILE* stream, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

/// Results, to standard output.
template <class... T>
void say(fmt::format_string<T...> format, T&&... values) {
  say_to(stdout, fmt::format(format, std::forward<T>(values)...));
}

/// Progress and messages, to standard error.
template <class... T>
void note(fmt::format_string<T...> format, T&&... values) {
  say_to(stderr, fmt::format(format, std::forward<T>(values)...));
}

}  // namespace gmmpi::app
