// ELBO = log-likelihood - KL, with KL summed from terms that cannot be negative.
#include "em/trace.hpp"

#include <algorithm>
#include <cmath>

#include "data/row_sums.hpp"
#include "gmmpi/expect.hpp"
#include "model/local_coordinates.hpp"
#include "model/log_density.hpp"

namespace gmmpi {

namespace {

constexpr double kSmall = 0.125;  ///< differences of logarithms below which the series is used

/// The responsibilities of a tile's rows under a mixture, and their logarithms.
struct TilePosterior {
  std::vector<double> share, log_share;  ///< n_shares x kTile

  TilePosterior(const LogDensity& density, const Tile& tile) {
    const int n = density.n_shares();
    const std::vector<double> ones(kTile, 1.0);
    std::vector<double> scratch(density.scratch_size()), log_density(kTile);
    log_share.resize(std::size_t(n) * kTile);
    density.log_shares(tile, scratch.data(), log_share.data());
    share = log_share;
    density.kernels().responsibilities(n, ones.data(), kEveryLogShare, share.data(), log_density.data());
    for (std::size_t e = 0; e < log_share.size(); ++e) log_share[e] -= log_density[e % kTile];
  }
};

/// x - 1 + e^-x for small x, without cancellation.
double series(double x) {
  double sum = 0.0;
  for (int n = 12; n >= 2; --n) sum = (1.0 - sum) * x / n;  // x/2 - x^2/6 + ..., inside out
  return sum * x;
}

/// q ln(q/r) - q + r, which is never negative; summed over the components it is q ln(q/r), as both sum to 1.
double divergence_term(double q, double log_q, double r, double log_r) {
  if (q == 0.0) return r;
  const double x = log_q - log_r;
  return std::abs(x) < kSmall ? q * series(x) : std::max(0.0, q * x - q + r);
}

}  // namespace

double responsibility_divergence(const Execution& execution, const Data& data, const Mixture& before,
                                 const Mixture& now) {
  const LogDensity old_density(before, *execution.kernels), new_density(now, *execution.kernels);
  GMMPI_EXPECT(old_density.n_shares() == new_density.n_shares());
  return sum_over_rows(execution, data, 1, [&](const Tile& tile, double* values) {
    const TilePosterior q(old_density, tile), r(new_density, tile);
    std::fill_n(values, kTile, 0.0);
    for (std::size_t e = 0; e < q.share.size(); ++e)
      values[e % kTile] += divergence_term(q.share[e], q.log_share[e], r.share[e], r.log_share[e]);
  })[0];
}

void trace_bound(const Execution& execution, const Data& data, const Mixture& previous, FitState& state) {
  auto &elbo = state.traces["elbo"], &kl = state.traces["kl"], &change = state.traces["parameter_change"];
  if (state.n_iter == 0) {
    for (std::vector<double>* trace : {&elbo, &kl, &change})
      trace->push_back(std::numeric_limits<double>::quiet_NaN());
    return;
  }
  GMMPI_EXPECT(!state.history.empty());
  kl.push_back(responsibility_divergence(execution, data, previous, state.model));
  elbo.push_back(state.history.back() - kl.back());
  const LocalCoordinates coordinates(previous, execution);
  change.push_back(coordinates.width(coordinates.of(state.model)));
}

}  // namespace gmmpi
