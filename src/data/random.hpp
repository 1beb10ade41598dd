// Random numbers as a function of (seed, purpose, position): the same on any number of ranks.
#pragma once

#include <Random123/philox.h>

#include <cstdint>

namespace gmmpi {

/// Keeps the streams of different uses apart.
enum class Purpose : std::uint32_t {
  responsibilities = 1,
  seeding = 2,
  sample_component = 3,
  sample_normal = 4,
  oversampling = 5,
  subsample = 6,
  folds = 11,
  batches = 12,
  mixture = 13,
  imputed_component = 14,
  imputed_values = 15,
  measurement_errors = 16
};

/// Uniform in the open interval (0, 1): the `item`-th number of `position` (a global row, a draw).
/// Philox4x32-10 (Salmon et al. 2011), the counter of which is (position, item, purpose).
inline double uniform(std::uint64_t seed, Purpose purpose, std::int64_t position, std::int64_t item) {
  const r123::Philox4x32::ctr_type counter = {
      {static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32),
       static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(purpose)}};
  const r123::Philox4x32::key_type key = {
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  const auto words = r123::Philox4x32{}(counter, key);
  const std::uint64_t bits = (std::uint64_t{words[1]} << 32 | words[0]) >> 12;
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

}  // namespace gmmpi
