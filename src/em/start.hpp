// Starts: seeds, k-means, random responsibilities, random rows. All the same on any number of ranks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "em/m_step.hpp"
#include "gmmpi/em/fit.hpp"

namespace gmmpi {

/// How likely a row is to be drawn as the next centre, given those drawn before.
enum class SeedRule {
  distance,  ///< weight times squared distance to the nearest centre (k-means++, Arthur & Vassilvitskii 2007)
  distinct,  ///< weight, for rows that differ from all centres
};

/// Called before each pass over the data, when the start can be continued from the present centres.
using SafePoint = std::function<void()>;

/// Collective. K centres (K, d) drawn from the rows; `centers` holds those drawn so far. `distance` tries 2 +
/// ln K candidates each time and keeps the one that lowers the inertia most.
void seed_centers(const Execution& execution, const Data& data, int n_centers, SeedRule rule,
                  std::uint64_t seed, std::vector<double>& centers, const SafePoint& safe_point);

/// Collective. K centres (K, d) drawn from the rows by k-means|| (Bahmani et al., VLDB 2012): five rounds
/// that each draw about 2K candidates, of which `seed_centers` chooses K, weighted by the rows nearest to
/// them. Passes over the data: 7, whatever K. While `n_rounds` is not 0, `centers` holds the candidates of so
/// many rounds.
void seed_centers_in_rounds(const Execution& execution, const Data& data, int n_centers, std::uint64_t seed,
                            std::vector<double>& centers, int& n_rounds, const SafePoint& safe_point);

/// Collective. Lloyd's iterations on `centers` (K, d) until their squared shift is at most 1e-4 times the
/// mean column variance, or `n_iter`, which counts on, is `most`. A centre without rows moves to the row
/// farthest from its own.
void lloyd(const Execution& execution, const Data& data, double mean_column_variance,
           std::vector<double>& centers, int& n_iter, const SafePoint& safe_point, int most = 300);

/// What a start needs to know of the data.
struct DataMoments {
  std::vector<double> mean, variance;  ///< per column
};

/// Collective. Column means and variances (divided by the total weight).
DataMoments data_moments(const Execution& execution, const Data& data);

/// Collective. Takes `state` from where it is in seeding or lloyd to a model that enters the first E-step;
/// returns how that was made. Components that such a start leaves without a proper covariance get the data's
/// column variances.
std::string make_start(const Execution& execution, const Data& data, const DataMoments& moments,
                       const FitOptions& options, const Constraints& constraints, FitState& state,
                       const SafePoint& safe_point);

/// Collective. As make_start, to the centres (K, d) in state.centers that k-means begins with: seeds, or
/// the means of a model.
std::string make_centers(const Execution& execution, const Data& data, const DataMoments& moments,
                         const FitOptions& options, const Regularisation& regularisation, FitState& state,
                         const SafePoint& safe_point);

/// Bytes per rank, besides the data, that a start from so many rows needs for them.
std::int64_t start_bytes(const Execution& execution, const FitOptions& options, Index n_rows, int n_columns);

/// Sets component k to that mean and the diagonal covariance of these variances (a shared covariance stays).
void set_component(Mixture& model, int k, const std::vector<double>& mean,
                   const std::vector<double>& variance);

}  // namespace gmmpi
