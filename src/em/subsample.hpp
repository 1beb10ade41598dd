// A few rows of the data, as data: what k-means is warmed up on.
#pragma once

#include <memory>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// Collective. One row, drawn by the seed, out of each group of 8 consecutive ones, or of so many more that
/// all have at most 2^21 values; without those of weight zero. Null where these are fewer than 4096 rows,
/// than 100 per component, or than K distinct ones.
std::unique_ptr<Data> subsample(const Execution& execution, const Data& data, int n_components,
                                std::uint64_t seed);

/// Bytes that drawing and keeping it takes on a rank, at most; 0 where it would be null.
std::int64_t subsample_bytes(Index n_rows, int n_columns, int n_components);

}  // namespace gmmpi
