// outlier_test: log densities of all rows, and the quantile of them.
#include "gmmpi/inference/outliers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "inference/drawn_data.hpp"
#include "inference/quantile.hpp"
#include "inference/tile_posterior.hpp"

namespace gmmpi {

namespace {

/// Collective. ln p(x) of this rank's rows of positive weight.
std::vector<double> log_densities(const Execution& execution, const Data& data, const Mixture& mixture) {
  const LogDensity density(mixture, *execution.kernels);
  constexpr double absent = std::numeric_limits<double>::quiet_NaN();
  const Index first = data.grid().first_row(data.first_block());
  std::vector<double> values(data.grid().first_row(data.last_block()) - first, absent);
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int) {
      Tile tile(data.n_columns(), *execution.kernels);
      TilePosterior posterior(mixture, density, *execution.kernels);
      for (int offset = 0; offset < block.n_rows; offset += kTileRows) {
        tile.load(block, offset);
        posterior.evaluate(tile);
        posterior.require_in_reach(tile);
        for (int r = 0; r < tile.n_rows(); ++r)
          if (tile.weights()[r] > 0.0) values[tile.row(r) - first] = posterior.log_density(r);
      }
    });
  });
  std::erase_if(values, [](double value) { return std::isnan(value); });
  return values;
}

}  // namespace

void require_comparable_rows(const OutlierTest& test, const DataSummary& summary) {
  if (!summary.tells_all() && test.rule != OutlierRule::chi2)
    throw Error(ExitCode::usage,
                "densities of rows that have different columns or errors do not compare; give `outlier_rule` "
                "chi2, or "
                "leave out such rows (`missing` drop) or their errors");
}

OutlierTest outlier_test(const Execution& execution, const Data& data, const Mixture& mixture,
                         OutlierRule rule, double q) {
  GMMPI_EXPECT(q > 0.0 && q < 1.0 && data.n_columns() == mixture.n_features);
  if (rule == OutlierRule::chi2) {
    OutlierTest test{rule, 0.0, {}, q};
    for (int k = 0; k < mixture.n_components; ++k)
      test.distances.push_back(mixture.component->distance_quantile(mixture, k, q, *execution.kernels));
    test.threshold = std::ranges::max(test.distances);
    return test;
  }
  require_comparable_rows({rule}, data.summary());
  std::vector<double> values;
  if (rule == OutlierRule::data)
    values = log_densities(execution, data, mixture);
  else
    values = log_densities(execution, DrawnData(execution, mixture, kOutlierDraws, 0), mixture);
  return {rule, quantile(execution.comm, values, q), {}, q};
}

}  // namespace gmmpi
