// select: the loop over candidates, cross-validation, and the choice.
#include "gmmpi/inference/select.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/fold_data.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/degeneracy.hpp"

namespace gmmpi {

namespace {

Folds folds_of(const SelectOptions& options) {
  return {options.n_folds, options.fit.seed};
}

FoldData training_rows(const Execution& execution, const Data& data, const SelectOptions& options, int fold) {
  return {execution, data, folds_of(options), fold, FoldData::Part::training};
}

/// For the rows of a fold only those labels are known that are of them.
FitOptions for_training(const Execution& execution, const FitOptions& f, const Data& training) {
  FitOptions options = f;
  if (f.labels) options.labels = std::make_shared<RowLabels>(execution, *f.labels, training);
  return options;
}

/// Per fold, the mean log-likelihood of its rows under a fit to the others. The mean over all rows, and
/// sqrt(sum (m_f - m)^2 / (F (F - 1))) of the folds' means.
HeldOut cross_validate(const Execution& execution, const Data& data, const SelectOptions& options,
                       const FitOptions& f, const std::vector<std::string>& parts, const FitPart& fit_part) {
  const Folds folds = folds_of(options);
  std::vector<double> means;
  double log_likelihood = 0.0;
  for (int fold = 0; fold < folds.n_folds; ++fold) {
    const FoldData held_out(execution, data, folds, fold, FoldData::Part::held_out);
    const FoldData training = training_rows(execution, data, options, fold);
    const FitResult result = fit_part(parts[1 + fold], training, for_training(execution, f, training));
    const Score s = score(execution, held_out, result.model);
    log_likelihood += s.log_likelihood;
    means.push_back(s.mean_log_likelihood);
  }
  HeldOut cv{log_likelihood / data.summary().total_weight, 0.0};
  double mean = 0.0, squares = 0.0;
  for (const double m : means) mean += m / folds.n_folds;
  for (const double m : means) squares += (m - mean) * (m - mean);
  cv.standard_error = std::sqrt(squares / (folds.n_folds * (folds.n_folds - 1.0)));
  return cv;
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
}

/// All of a candidate but its result, which is empty if it was not fitted.
FitResult evaluate(const Execution& execution, const Data& data, const SelectOptions& options, std::size_t i,
                   const FitPart& fit_part, Candidate& c, ExitCode& failure) {
  const FitOptions f = options.candidate(i);
  const std::vector<std::string> parts = part_names(options, i);
  c.n_components = f.n_components;
  c.component = f.component;
  c.structure = f.structure;
  try {
    FitResult result = fit_part(parts[0], data, f);
    c.score = score_of_fit(execution, data, result, {f.labels.get(), f.fixed.n_free(result.model)});
    c.n_parameters = result.model.n_parameters();
    c.n_iter = result.n_iter;
    c.converged = result.converged;
    c.seed = f.seed + result.best_restart;
    c.reason = degenerate_component(result.model, data.summary().n_rows, result.reg_covar, *execution.kernels);
    c.degenerate = !c.reason.empty();
    if (options.criterion == Criterion::cv)
      c.held_out = cross_validate(execution, data, options, f, parts, fit_part);
    c.fitted = true;
    return result;
  } catch (const Error& e) {
    if (!is_of_candidate(e)) throw;
    c.reason = e.what();
    failure = e.code();
    return {};
  }
}

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

std::vector<std::string> part_names(const SelectOptions& options, std::size_t i) {
  const FitOptions f = options.candidate(i);
  std::vector<std::string> names{fmt::format("{}.{}", f.kind().name(), f.n_components)};
  if (options.criterion == Criterion::cv)
    for (int fold = 0; fold < options.n_folds; ++fold)
      names.push_back(fmt::format("{}.fold{}of{}", names.front(), fold, options.n_folds));
  return names;
}

bool is_of_candidate(const Error& e) {
  return e.code() == ExitCode::bad_data || e.code() == ExitCode::numerical;
}

void fit_one(const Execution& execution, const Data& data, const SelectOptions& options, std::size_t i,
             std::size_t j, const FitPart& fit_part) {
  validate(options, data.grid().n_rows());
  const FitOptions f = options.candidate(i);
  const std::string name = part_names(options, i).at(j);
  if (j == 0) {
    fit_part(name, data, f);
  } else {
    const FoldData training = training_rows(execution, data, options, static_cast<int>(j) - 1);
    fit_part(name, training, for_training(execution, f, training));
  }
}

Selection select(const Execution& execution, const Data& data, const SelectOptions& options,
                 const FitPart& fit_part, const std::function<void(const Candidate&)>& finished) {
  validate(options, data.grid().n_rows());
  Selection s;
  bool found = false;
  ExitCode failure = ExitCode::numerical;
  for (std::size_t i = 0; i < options.n_candidates(); ++i) {
    Candidate c;
    FitResult result = evaluate(execution, data, options, i, fit_part, c, failure);
    finished(c);
    const bool may_win =
        c.fitted && (options.keep_degenerate || !c.degenerate) && std::isfinite(c.loss(options.criterion));
    if (may_win && (!found || c.loss(options.criterion) < s.candidates[s.best].loss(options.criterion))) {
      found = true;
      s.best = i;
      s.options = options.candidate(i);
      s.result = std::move(result);
    }
    s.candidates.push_back(std::move(c));
  }
  if (found) return s;
  const bool any_fitted = std::ranges::any_of(s.candidates, &Candidate::fitted);
  if (!any_fitted)
    throw Error(failure, "no candidate could be fitted; the last one: " + s.candidates.back().reason);
  throw Error(ExitCode::numerical,
              "every candidate has a degenerate component (" + s.candidates.back().reason +
                  "): try fewer components or simpler covariances, or give `degenerate` keep");
}

}  // namespace gmmpi
