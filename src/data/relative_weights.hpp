// Sample weights in units of their mean: they sum to the number of rows that have any.
#pragma once

#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

/// Hands out w_n (n / S) for the weights w_n of another column, S their sum and n how many are positive. S is
/// exact and rounded once, so no bit depends on ranks; all are scaled by a power of two on the way, so that
/// neither S nor n / S can overflow.
class RelativeWeights final : public DataReader {
 public:
  /// Collective. Reads `weights`, which must outlive it. Errors: those of read_weights; 65 if all are zero.
  RelativeWeights(const Execution& execution, DataReader& weights);

  void read(Index first, Index count, double* out) override;
  void read(Index first, Index count, float* out) override;

 private:
  DataReader& weights_;
  int exponent_ = 0;  ///< of the largest weight
  double factor_ = 1.0;
};

}  // namespace gmmpi
