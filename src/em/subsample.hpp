// A few rows of the data, as data: what a pilot fit runs on.
#pragma once

#include <memory>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// Collective. One row, drawn by the seed, out of each group of 8 consecutive ones, or of so many more that
/// all have at most 2^21 values; without those of weight zero. Null where these are fewer than 4096 rows,
/// than `least_rows`, or than K distinct ones.
std::unique_ptr<Data> subsample(const Execution& execution, const Data& data, int n_components,
                                Index least_rows, std::uint64_t seed);

/// `width`: numbers of a row, columns and errors. Bytes that drawing and keeping it takes on a rank, at most;
/// 0 where it would be null.
std::int64_t subsample_bytes(Index n_rows, int width, Index least_rows);

}  // namespace gmmpi
