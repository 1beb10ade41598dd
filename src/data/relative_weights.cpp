// RelativeWeights: an exact sum, then one multiplication for each row.
#include "data/relative_weights.hpp"

#include <algorithm>
#include <cmath>

#include "data/reading.hpp"
#include "gmmpi/error.hpp"
#include "parallel/exact_message.hpp"

namespace gmmpi {

RelativeWeights::RelativeWeights(const Execution& execution, DataReader& weights) : weights_(weights) {
  n_rows_ = weights.n_rows();
  n_columns_ = 1;
  name_ = weights.name();
  format_ = weights.format();
  storage_ = weights.storage();
  const Communicator& comm = execution.comm;
  const BlockGrid grid(n_rows_);
  std::vector<double> mine;
  double largest = 0.0;
  comm.together([&] {
    const Index first = grid.first_row_of_rank(comm.rank(), comm.size());
    const Index count = grid.first_row_of_rank(comm.rank() + 1, comm.size()) - first;
    mine = read_weights(weights, n_rows_, first, count, execution.stop);
    for (const double w : mine) largest = std::max(largest, w);
  });
  comm.max(std::span(&largest, 1));
  if (largest == 0.0)
    throw Error(ExitCode::bad_data,
                name_ + ": every sample weight is zero; give at least one row a positive weight");
  exponent_ = std::ilogb(largest);
  ExactScalar sum;
  std::int64_t n_positive = 0;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    if ((i + 1) % (std::size_t{1} << 30) == 0) sum.normalise();
    sum.add(std::ldexp(mine[i], -exponent_));
    n_positive += mine[i] > 0.0;
  }
  ExactMessage().add(sum).add(std::span(&n_positive, 1)).sum(comm);
  factor_ = static_cast<double>(n_positive) / sum.value();
}

void RelativeWeights::read(Index first, Index count, double* out) {
  weights_.read(first, count, out);
  for (Index i = 0; i < count; ++i) out[i] = std::ldexp(out[i], -exponent_) * factor_;
}

void RelativeWeights::read(Index first, Index count, float* out) {
  std::vector<double> values(static_cast<std::size_t>(count));
  read(first, count, values.data());
  std::ranges::transform(values, out, [](double w) { return static_cast<float>(w); });
}

}  // namespace gmmpi
