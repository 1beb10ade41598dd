// How well a model explains data: log-likelihood and information criteria.
#pragma once

#include <optional>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_labels.hpp"
#include "gmmpi/em/fit.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// Lower AIC, BIC and ICL are better (scikit-learn's sign; mclust's is the negative).
struct Score {
  double log_likelihood = 0.0;       ///< sum over rows of weight times ln p(x)
  double mean_log_likelihood = 0.0;  ///< per unit of weight
  double map_entropy = 0.0;          ///< -sum of weight times ln max_k responsibility
  double aic = 0.0;                  ///< -2 L + 2 p (Akaike 1974)
  double bic = 0.0;                  ///< -2 L + p ln(total weight) (Schwarz 1978)
  /// Of a k-means model: weighted squared distances to the nearest mean, summed; in its label_space.
  std::optional<double> inertia;
  double icl = 0.0;  ///< BIC + 2 map_entropy (Biernacki, Celeux & Govaert 2000)
};

/// How a likelihood and its parameters are counted.
struct ScoreOptions {
  const RowLabels* labels = nullptr;         ///< rows of class c count with ln pi_c N(x | c) and no entropy
  std::optional<std::int64_t> n_parameters;  ///< none: those of the mixture
};

/// Collective.
Score score(const Execution& execution, const Data& data, const Mixture& mixture,
            const ScoreOptions& options = {});

/// Collective. `score` of a fit's model and the rows that it was fitted to (with its labels), to the bit:
/// without a pass over them where the last sweep of the fit has told all.
Score score_of_fit(const Execution& execution, const Data& data, const FitResult& fit,
                   const ScoreOptions& options = {});

}  // namespace gmmpi
