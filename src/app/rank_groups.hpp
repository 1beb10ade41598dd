// Groups of ranks that work on different fits of a selection.
#pragma once

#include "app/options.hpp"
#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi::app {

/// Where a rank belongs. The ranks of a group follow each other; sizes differ by one at most.
struct RankGroups {
  int count = 1;
  int mine = 0;       ///< from 0; rank 0 of all is in group 0
  Communicator comm;  ///< of this rank's group
};

/// As --groups says. auto: the ranks of a group are as many as keep no more than 2^18 numbers of the data for
/// each thread (its share then stays in the cache, and a pass takes some ten milliseconds, next to which the
/// reduction of a larger group is nothing). Never more groups than fits. Error 64.
int count_groups(const Options& options, const Communicator& world, int n_threads, std::int64_t n_numbers,
                 std::int64_t n_fits);

/// Collective. Splits the ranks.
RankGroups make_groups(const Communicator& world, int count);

}  // namespace gmmpi::app
