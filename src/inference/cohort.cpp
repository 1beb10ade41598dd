// fit_cohort: own starts, then starts from the models of nested structures, upwards and downwards.
#include "inference/cohort.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "em/pilot.hpp"
#include "em/restarts.hpp"
#include "em/subsample.hpp"
#include "gmmpi/inference/degeneracy.hpp"

namespace gmmpi {

namespace {

constexpr double kRounding = 1e-10;  ///< relative: what two ends of one climb may differ by

double reached(const CohortFit& fit) {
  return objective(fit.options, fit.result);
}

/// By more than `margin`, and more than rounding. None that is degenerate takes the place of one that is not.
bool is_better(const CohortFit& a, const CohortFit& b, double margin, const SelectOptions& options) {
  if (!options.keep_degenerate && b.degenerate.empty() && !a.degenerate.empty()) return false;
  return reached(a) > reached(b) + std::max(margin, kRounding * std::abs(reached(b)));
}

/// Ends that are no further apart than a stop leaves them are the same.
double stop_margin(const Data& data, const SelectOptions& options) {
  return options.fit.tol * data.summary().total_weight;
}

/// Has fit.options done. Failures are thrown.
void run(const Execution& execution, const Data& data, const std::string& part, const FitPart& fit_part,
         CohortFit& fit) {
  fit.result = fit_part(part, data, fit.options);
  fit.degenerate =
      degenerate_component(fit.result.model, data.summary().n_rows, fit.result.reg_covar, *execution.kernels);
}

/// Of the starts of a candidate, those from random responsibilities. On many rows there are none: k-means
/// then has done most of the work on a subsample.
int n_random_starts(const Data& data, const SelectOptions& options, const FitOptions& f) {
  const bool mixes = options.shares() && options.mix_starts && f.init == Init::kmeans && !f.labels;
  const bool has_pilot =
      subsample_bytes(data.grid().n_rows(), data.n_columns(), pilot_rows(f, data.n_columns())) > 0;
  return mixes && !has_pilot ? f.n_init / 2 : 0;
}

/// The rows and fits of one cohort.
struct Cohort {
  const Execution& execution;
  const Data& data;
  const SelectOptions& options;
  std::size_t k, j;
  const FitPart& fit_part;
  std::vector<CohortFit> fits;

  std::string part(std::size_t s) const { return part_names(options, options.candidate_of(s, k)).at(j); }

  /// Whether s may start from the model of `donor`.
  bool can_give(std::size_t donor, std::size_t s) const {
    return !fits[s].failure && !fits[donor].failure && fits[donor].degenerate.empty();
  }

  /// Lets s start from the model of `donor`, and keep what comes of it if that is better by more than
  /// `margin`.
  void start_from(std::size_t s, std::size_t donor, double margin, SharedRound round) {
    if (!can_give(donor, s)) return;
    const CohortFit& given = fits[donor];
    CohortFit shared;
    shared.options = fits[s].options;
    shared.options.init = Init::model;
    shared.options.n_init = 1;
    shared.options.short_runs = 0;
    shared.options.start = given.result.model;
    shared.options.start->log_volume = 0.0;  // the fit's rows are in its units already
    shared.options.start->log_scales.clear();
    shared.started_from = options.structures[donor];
    shared.seed = given.seed;
    try {
      run(execution, data, shared_part_name(part(s), given.options.kind(), round), fit_part, shared);
    } catch (const Error& e) {
      if (!is_of_candidate(e)) throw;
      return;
    }
    if (is_better(shared, fits[s], margin, options)) fits[s] = std::move(shared);
  }

  /// The structures' numbers, each after those of the structures that are nested in it.
  std::vector<std::size_t> poorest_first() const {
    std::vector<std::size_t> order(fits.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](std::size_t s) {
      return std::ranges::count_if(options.structures, [&](const CovarianceStructure* other) {
        return is_nested(*other, *options.structures[s]);
      });
    });
    return order;
  }

  void share() {
    const auto nested = [&](std::size_t poorer, std::size_t richer) {
      return is_nested(*options.structures[poorer], *options.structures[richer]);
    };
    const std::vector<std::size_t> up = poorest_first(), down(up.rbegin(), up.rend());
    const double margin = stop_margin(data, options);
    for (const std::size_t s : up)
      for (const std::size_t donor : up)
        if (nested(donor, s)) start_from(s, donor, margin, SharedRound::up);
    for (const std::size_t s : down)
      for (const std::size_t donor : down)
        if (nested(s, donor)) start_from(s, donor, margin, SharedRound::down);
    for (const std::size_t s : up)
      for (const std::size_t donor : up)
        if (nested(donor, s) && can_give(donor, s) && is_better(fits[donor], fits[s], 0.0, options))
          start_from(s, donor, 0.0, SharedRound::last);
  }
};

int rank_of(char letter) {
  static constexpr std::string_view kPoorestFirst = "IEV";
  return static_cast<int>(kPoorestFirst.find(letter));
}

}  // namespace

CohortFit fit_own(const Execution& execution, const Data& data, const SelectOptions& options, std::size_t i,
                  std::size_t j, const FitPart& fit_part) {
  const std::string part = part_names(options, i).at(j);
  CohortFit fit;
  fit.options = options.candidate(i);
  try {
    for (std::shared_ptr<const RowLabels>* labels : {&fit.options.labels, &fit.options.init_labels})
      if (*labels && j > 0) *labels = std::make_shared<RowLabels>(execution, **labels, data);
    CohortFit random = fit;
    random.options.n_init = n_random_starts(data, options, fit.options);
    fit.options.n_init -= random.options.n_init;
    run(execution, data, part, fit_part, fit);
    fit.seed = fit.options.seed + fit.result.best_restart;
    if (random.options.n_init == 0) return fit;
    random.options.init = Init::random;
    random.options.seed += fit.options.n_init;
    run(execution, data, random_part_name(part), fit_part, random);
    random.seed = random.options.seed + random.result.best_restart;
    return is_better(random, fit, stop_margin(data, options), options) ? random : fit;
  } catch (const Error& e) {
    if (!is_of_candidate(e)) throw;
    fit.failure = e;
    return fit;
  }
}

std::string random_part_name(const std::string& part) {
  return part + ".random";
}

std::string shared_part_name(const std::string& part, const Kind& donor, SharedRound round) {
  return fmt::format("{}.{}.{}", part, round == SharedRound::last ? "again" : "from", donor.name());
}

bool is_nested(const CovarianceStructure& poorer, const CovarianceStructure& richer) {
  const std::string_view a = poorer.mclust_name(), b = richer.mclust_name();
  if (&poorer == &richer || a.size() != 3 || b.size() != 3) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (rank_of(a[i]) < 0 || rank_of(b[i]) < 0 || rank_of(a[i]) > rank_of(b[i])) return false;
  return true;
}

std::vector<CohortFit> fit_cohort(const Execution& execution, const Data& data, const SelectOptions& options,
                                  std::size_t k, std::size_t j, const FitPart& fit_part) {
  Cohort cohort{execution, data, options, k, j, fit_part, {}};
  for (std::size_t s = 0; s < options.structures.size(); ++s)
    cohort.fits.push_back(fit_own(execution, data, options, options.candidate_of(s, k), j, fit_part));
  if (options.shares()) cohort.share();
  return std::move(cohort.fits);
}

}  // namespace gmmpi
