// Rows drawn from a mixture: one by one, and as data that is never stored.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// Draws row `row`: its component, then x of that component; noise is uniform in its box. The row depends on
/// the seed and its number only.
class Sampler {
 public:
  /// The mixture must outlive it.
  Sampler(const Mixture& mixture, std::uint64_t seed, const KernelTable& kernels);

  /// Sets the d numbers of `x`; returns the component, -1 for noise.
  std::int64_t draw(Index row, double* x) const;

 private:
  const Mixture& m_;
  std::uint64_t seed_;
  const KernelTable& kernels_;
  std::vector<double> cumulative_;
};

/// Collective. Draws the rows of this rank's blocks, on all threads: work(first row, x (n, d), components
/// (n)).
void draw_blocks(const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed,
                 const std::function<void(Index first, std::vector<double>& x,
                                          const std::vector<std::int64_t>& components)>& work);

/// The rows of `gmmpi sample`, drawn again in each pass. Of the summary, n_rows and total_weight are set.
class DrawnData final : public Data {
 public:
  /// The mixture must outlive it.
  DrawnData(const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed);

  void for_each_block(const Execution& execution,
                      const std::function<void(const Block&, int thread)>& work) const override;
  std::vector<double> row(Index global_row) const override;
  double weight(Index) const override { return 1.0; }

 private:
  Sampler sampler_;
};

}  // namespace gmmpi
