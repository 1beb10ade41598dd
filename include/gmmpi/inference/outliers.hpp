// When a row counts as an outlier: rules and their thresholds.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// What a row's number is compared with.
enum class OutlierRule {
  data,   ///< ln p(x) below the Q-quantile of ln p of the data's own rows
  model,  ///< ln p(x) below the Q-quantile of ln p of rows drawn from the model
  chi2,   ///< outside every component's ellipsoid of probability 1 - Q
};

/// A rule with its number: a log density for `data` and `model`; for `chi2` squared Mahalanobis distances
/// (K), which a row must exceed from every component, and the largest of them.
struct OutlierTest {
  OutlierRule rule = OutlierRule::data;
  double threshold = 0.0;
  std::vector<double> distances{};
  double share = 0.0;  ///< Q: rows that lack values are tested by the distances of the columns that they have
};

/// Error 64 where rows lack values, unless the rule is `chi2`: densities of different columns do not compare.
void require_comparable_rows(const OutlierTest& test, const DataSummary& summary);

/// Rows that the rule `model` draws: those of `sample` with seed 0.
inline constexpr Index kOutlierDraws = 100'000;
/// Less than this share cannot be told from so few.
inline constexpr double kLeastModelQuantile = 1e-4;

/// Collective. The test that marks about a share `q` (0 < q < 1; `model`: at least kLeastModelQuantile) of
/// rows. `data`: the quantile of all rows of positive weight, as numpy's default (Hyndman & Fan 1996, type
/// 7): of n rows with different densities the ceil((n - 1) q) least likely are below it. Keeps 8 bytes per
/// row. `model`: the same quantile of kOutlierDraws drawn rows; a row of the model is marked with probability
/// q, to a standard error of sqrt(q (1 - q) / kOutlierDraws). `chi2`: the upper q-quantile of chi-square with
/// d degrees of freedom (of Student's t: d times that of F with d and nu_k degrees); a row of the model is
/// marked with probability at most q, since its own component's ellipsoid holds it with probability 1 - q.
/// The bits depend on the numbers only, not on ranks or threads. Errors: as require_comparable_rows.
OutlierTest outlier_test(const Execution& execution, const Data& data, const Mixture& mixture,
                         OutlierRule rule, double q);

}  // namespace gmmpi
