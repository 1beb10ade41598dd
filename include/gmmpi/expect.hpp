// Assertions at the boundaries between parts of the library.
#pragma once

#include <stdexcept>
#include <string>

namespace gmmpi {

#ifdef GMMPI_ASSERTIONS
inline constexpr bool kAssertions = true;
#else
inline constexpr bool kAssertions = false;
#endif

/// Throws: `condition`, at that place of the source, does not hold. Such a defect travels like any other
/// failure (out of a thread, and in a reduction to the other ranks), so that all ranks end with one line that
/// names it; abort() on one rank would leave the others to mpirun, and tests could not see it.
[[noreturn]] inline void expectation_failed(const char* condition, const std::string& file, int line) {
  const std::size_t at = file.find_last_of('/', file.find_last_of('/') - 1);  // the last folder is enough
  throw std::logic_error((at == std::string::npos ? file : file.substr(at + 1)) + ":" + std::to_string(line) +
                         ": does not hold: " + condition);
}

}  // namespace gmmpi

/// What a function's caller, or a part that it relies on, has promised: shapes, padding, ranges, order of
/// calls. Checked with the CMake option GMMPI_ASSERTIONS, which debug and sanitizer builds have; elsewhere it
/// is compiled, but never evaluated. Not for what users may get wrong: that is an Error, in every build.
#define GMMPI_EXPECT(...)                                        \
  (!::gmmpi::kAssertions || (__VA_ARGS__) ? static_cast<void>(0) \
                                          : ::gmmpi::expectation_failed(#__VA_ARGS__, __FILE__, __LINE__))
