// Starts: seeds, k-means, random responsibilities, random rows. All the same on any number of ranks.
#pragma once

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

/// Collective. K centres (K, d) drawn from the rows. `distance` tries 2 + ln K candidates each time and keeps the
/// one that lowers the inertia most.
std::vector<double> seed_centers(const Execution& execution, const Data& data, int n_centers, SeedRule rule,
                                 std::uint64_t seed);

struct KMeansResult {
  std::vector<double> centers;  ///< (K, d)
  double inertia = 0.0;         ///< of the centres that entered the last sweep
  int n_iter = 0;
};

/// Collective. Lloyd's iterations until the centres' squared shift is at most 1e-4 times the mean column variance, at most
/// 300. A centre without rows moves to the row farthest from its own.
KMeansResult lloyd(const Execution& execution, const Data& data, std::vector<double> centers,
                   double mean_column_variance);

/// What a start needs to know of the data.
struct DataMoments {
  std::vector<double> mean, variance;  ///< per column
};

/// Collective. Column means and variances (divided by the total weight).
DataMoments data_moments(const Execution& execution, const Data& data);

/// Collective. The model that enters the first E-step; `how` says how it was made. Components that such
/// a start leaves without a proper covariance get the data's column variances.
Mixture make_start(const Execution& execution, const Data& data, const DataMoments& moments, const FitOptions& options,
                   const RegCovar& reg_covar, std::uint64_t seed, std::string& how);

/// Sets component k to that mean and the diagonal covariance of these variances (a shared covariance stays).
void set_component(Mixture& model, int k, const std::vector<double>& mean, const std::vector<double>& variance);

}  // namespace gmmpi
