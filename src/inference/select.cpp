// select: the loop over candidates, cross-validation, and the choice.
#include "gmmpi/inference/select.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/fold_data.hpp"
#include "gmmpi/error.hpp"
#include "inference/cohort.hpp"

namespace gmmpi {

namespace {

Folds folds_of(const SelectOptions& options) {
  return {options.n_folds, options.fit.seed};
}

FoldData training_rows(const Execution& execution, const Data& data, const SelectOptions& options, int fold) {
  return {execution, data, folds_of(options), fold, FoldData::Part::training};
}

/// Of one candidate, over folds.
struct FoldScores {
  std::vector<double> means;
  double log_likelihood = 0.0;
  std::optional<Error> failure;
};

/// Scores each candidate of the k-th number of components on the rows of each fold, under its fit to the
/// others.
std::vector<FoldScores> cross_validate(const Execution& execution, const Data& data,
                                       const SelectOptions& options, std::size_t k, const FitPart& fit_part) {
  std::vector<FoldScores> scores(options.structures.size());
  for (int fold = 0; fold < options.n_folds; ++fold) {
    const FoldData held_out(execution, data, folds_of(options), fold, FoldData::Part::held_out);
    const FoldData training = training_rows(execution, data, options, fold);
    const std::vector<CohortFit> cohort = fit_cohort(execution, training, options, k, 1 + fold, fit_part);
    for (std::size_t s = 0; s < cohort.size(); ++s) {
      if (cohort[s].failure) scores[s].failure = cohort[s].failure;
      if (scores[s].failure) continue;
      const Score score_of_fold = score(execution, held_out, cohort[s].result.model);
      scores[s].log_likelihood += score_of_fold.log_likelihood;
      scores[s].means.push_back(score_of_fold.mean_log_likelihood);
    }
  }
  return scores;
}

/// The mean over all rows, and sqrt(sum (m_f - m)^2 / (F (F - 1))) of the folds' means.
HeldOut held_out_of(const FoldScores& scores, double total_weight) {
  const double n_folds = static_cast<double>(scores.means.size());
  HeldOut cv{scores.log_likelihood / total_weight, 0.0};
  double mean = 0.0, squares = 0.0;
  for (const double m : scores.means) mean += m / n_folds;
  for (const double m : scores.means) squares += (m - mean) * (m - mean);
  cv.standard_error = std::sqrt(squares / (n_folds * (n_folds - 1.0)));
  return cv;
}

void validate_init_labels(const RowLabels& labels, const std::vector<int>& n_components) {
  const int C = labels.n_classes();
  if (std::ranges::find(n_components, C) == n_components.end())
    throw Error(ExitCode::usage, fmt::format("`init_labels`: they are of {} classes, and no candidate has as "
                                             "many components; let `n_components` include {}, or leave "
                                             "`init_labels` out",
                                             C, C));
  labels.require_rows_of_each_class();
}

void validate(const SelectOptions& o, Index n_rows) {
  const auto require = [](bool condition, const char* message) {
    if (!condition) throw Error(ExitCode::usage, message);
  };
  require(o.n_candidates() > 0, "`n_components`: no number of components given; write some, such as 1:9");
  require(o.criterion != Criterion::cv || o.n_folds >= 2, "`folds` must be at least 2; give more");
  if (o.criterion == Criterion::cv && o.n_folds > n_rows)
    throw Error(ExitCode::usage, fmt::format("`folds` {} for {} rows: each needs at least one; give fewer",
                                             o.n_folds, n_rows));
  require(o.fit.init != Init::model,
          "`init`: a model file has one number of components; choose kmeans, k-means++, random or "
          "random-from-data");
  if (o.init_labels) validate_init_labels(*o.init_labels, o.n_components);
}

/// What the table says of a candidate. `folds`: its scores of them; null: there are none.
Candidate evaluate(const Execution& execution, const Data& data, const CohortFit& fit,
                   const FoldScores* folds, ExitCode& failure) {
  const FitOptions& f = fit.options;
  Candidate c;
  c.n_components = f.n_components;
  c.component = f.component;
  c.structure = f.structure;
  try {
    if (fit.failure) throw *fit.failure;
    c.score = score_of_fit(execution, data, fit.result, {f.labels.get(), f.fixed.n_free(fit.result.model)});
    c.n_parameters = fit.result.model.n_parameters();
    c.n_iter = fit.result.n_iter;
    c.converged = fit.result.converged;
    c.seed = fit.seed;
    c.started_from = fit.started_from;
    c.reason = fit.degenerate;
    c.degenerate = !c.reason.empty();
    if (folds && folds->failure) throw *folds->failure;
    if (folds) c.held_out = held_out_of(*folds, data.summary().total_weight);
    c.fitted = true;
  } catch (const Error& e) {
    if (!is_of_candidate(e)) throw;
    c.reason = e.what();
    failure = e.code();
  }
  return c;
}

/// The candidates so far, and the best of them.
struct Choice {
  const SelectOptions& options;
  Selection selection{};
  bool found = false;
  ExitCode failure = ExitCode::numerical;  ///< of the last that could not be fitted

  /// Of equal ones the first is the best.
  void add(std::size_t i, const Candidate& c, CohortFit& fit) {
    selection.candidates[i] = c;
    const double loss = c.loss(options.criterion);
    if (!c.fitted || (c.degenerate && !options.keep_degenerate) || !std::isfinite(loss)) return;
    if (found) {
      const double least = selection.candidates[selection.best].loss(options.criterion);
      if (loss > least || (loss == least && i > selection.best)) return;
    }
    found = true;
    selection.best = i;
    selection.options = std::move(fit.options);
    selection.result = std::move(fit.result);
  }

  Selection result() && {
    if (found) return std::move(selection);
    const std::vector<Candidate>& all = selection.candidates;
    if (std::ranges::none_of(all, &Candidate::fitted))
      throw Error(failure, "no candidate could be fitted; the last one: " + all.back().reason);
    throw Error(ExitCode::numerical,
                "every candidate has a degenerate component (" + all.back().reason +
                    "): try fewer components or simpler covariances, or give `degenerate` keep");
  }
};

}  // namespace

std::string criterion_name(Criterion criterion) {
  static constexpr const char* names[] = {"bic", "aic", "icl", "cv"};
  return names[static_cast<int>(criterion)];
}

FitOptions SelectOptions::candidate(std::size_t i) const {
  FitOptions f = fit;
  f.structure = structures[i / n_components.size()];
  f.n_components = n_components[i % n_components.size()];
  if (const auto known = labels.find(f.n_components); known != labels.end()) f.labels = known->second;
  if (init_labels && init_labels->n_classes() == f.n_components) {
    f.init = Init::labels;
    f.init_labels = init_labels;
    if (!f.engine->works_in_passes()) f.n_init = 1, f.short_runs = 0;  // no seed is in such a fit
  }
  return f;
}

double Candidate::loss(Criterion criterion) const {
  if (!fitted) return std::numeric_limits<double>::quiet_NaN();
  switch (criterion) {
    case Criterion::aic:
      return score.aic;
    case Criterion::icl:
      return score.icl;
    case Criterion::cv:
      return -held_out.mean;
    case Criterion::bic:
      break;
  }
  return score.bic;
}

bool SelectOptions::shares() const {
  const auto nests_another = [&](const CovarianceStructure* richer) {
    return std::ranges::any_of(structures, [&](const auto* poorer) { return is_nested(*poorer, *richer); });
  };
  return share_starts && fit.component->has_covariances() && !fit.engine->parameters_are_means() &&
         std::ranges::any_of(structures, nests_another);
}

std::vector<std::string> part_names(const SelectOptions& options, std::size_t i) {
  const FitOptions f = options.candidate(i);
  std::vector<std::string> names{fmt::format("{}.{}", f.kind().name(), f.n_components)};
  if (options.criterion == Criterion::cv)
    for (int fold = 0; fold < options.n_folds; ++fold)
      names.push_back(fmt::format("{}.fold{}of{}", names.front(), fold, options.n_folds));
  return names;
}

std::vector<std::string> further_part_names(const SelectOptions& options, std::size_t i) {
  std::vector<std::string> names;
  if (!options.shares()) return names;
  for (const std::string& part : part_names(options, i)) {
    names.push_back(random_part_name(part));
    for (const CovarianceStructure* donor : options.structures)
      for (const SharedRound round : {SharedRound::up, SharedRound::last})
        names.push_back(shared_part_name(part, {*donor, *options.fit.component}, round));
  }
  return names;
}

bool is_of_candidate(const Error& e) {
  return e.code() == ExitCode::bad_data || e.code() == ExitCode::numerical;
}

void fit_one(const Execution& execution, const Data& data, const SelectOptions& options, std::size_t i,
             std::size_t j, const FitPart& fit_part) {
  validate(options, data.grid().n_rows());
  if (j == 0)
    fit_own(execution, data, options, i, j, fit_part);
  else
    fit_own(execution, training_rows(execution, data, options, static_cast<int>(j) - 1), options, i, j,
            fit_part);
}

void fit_shared(const Execution& execution, const Data& data, const SelectOptions& options, std::size_t k,
                std::size_t j, const FitPart& fit_part) {
  validate(options, data.grid().n_rows());
  if (j == 0)
    fit_cohort(execution, data, options, k, j, fit_part);
  else
    fit_cohort(execution, training_rows(execution, data, options, static_cast<int>(j) - 1), options, k, j,
               fit_part);
}

Selection select(const Execution& execution, const Data& data, const SelectOptions& options,
                 const FitPart& fit_part, const std::function<void(const Candidate&)>& finished) {
  validate(options, data.grid().n_rows());
  Choice choice{options};
  choice.selection.candidates.resize(options.n_candidates());
  for (std::size_t k = 0; k < options.n_components.size(); ++k) {
    std::vector<CohortFit> cohort = fit_cohort(execution, data, options, k, 0, fit_part);
    std::vector<FoldScores> folds;
    if (options.criterion == Criterion::cv) folds = cross_validate(execution, data, options, k, fit_part);
    for (std::size_t s = 0; s < cohort.size(); ++s) {
      const Candidate c =
          evaluate(execution, data, cohort[s], folds.empty() ? nullptr : &folds[s], choice.failure);
      finished(c);
      choice.add(options.candidate_of(s, k), c, cohort[s]);
    }
  }
  return std::move(choice).result();
}

}  // namespace gmmpi
