// Choosing a mixture: a grid of numbers of components and covariance types, fitted and compared.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmmpi/em/fit.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/score.hpp"

namespace gmmpi {

/// What is compared. Of bic, aic and icl (as in Score) the lowest is best, of cv the highest.
enum class Criterion { bic, aic, icl, cv };

struct SelectOptions {
  FitOptions fit;  ///< of every candidate, but for n_components and structure
  std::vector<int> n_components;
  std::vector<const CovarianceStructure*> structures;
  Criterion criterion = Criterion::bic;
  int n_folds = 5;               ///< for cv, at least 2
  bool keep_degenerate = false;  ///< they may be chosen, too
  std::map<int, std::shared_ptr<const RowLabels>>
      labels;  ///< for each number of components; empty: none are known

  /// Options of candidate i; the numbers of components of the first structure come first.
  FitOptions candidate(std::size_t i) const;
  std::size_t n_candidates() const { return n_components.size() * structures.size(); }
};

/// Mean log-likelihood of rows held out, and its standard error.
struct HeldOut {
  double mean = std::numeric_limits<double>::quiet_NaN();  ///< per row (unit of weight)
  double standard_error = std::numeric_limits<double>::quiet_NaN();
};

/// A line of the grid.
struct Candidate {
  int n_components = 0;
  const Component* component = nullptr;
  const CovarianceStructure* structure = nullptr;
  bool fitted = false;
  bool degenerate = false;
  std::string reason;  ///< why not fitted, or degenerate
  Score score;
  std::int64_t n_parameters = 0;
  int n_iter = 0;
  bool converged = false;
  std::uint64_t seed = 0;  ///< of the restart that was kept
  HeldOut held_out;        ///< criterion cv only

  Kind kind() const { return {*structure, *component}; }
  /// What is compared, so that lower is better. NaN where there is none.
  double loss(Criterion criterion) const;
};

struct Selection {
  std::vector<Candidate> candidates;
  std::size_t best = 0;
  FitOptions options;  ///< of the best
  FitResult result;    ///< of the best
};

/// Fits `data` as `options` say. `part` names what is fitted: "full.3", or with cv "full.3.fold0". It may
/// keep and find results under that name, as long as they are those of `fit`.
using FitPart =
    std::function<FitResult(const std::string& part, const Data& data, const FitOptions& options)>;

/// The names that `select` gives to the fits of candidate i: its own first, then its folds'.
std::vector<std::string> part_names(const SelectOptions& options, std::size_t i);

/// Collective. Has `fit_part` do one of the fits that `select` does: that of the j-th of the names of
/// candidate i. Errors: 64 options; those of fit_part.
void fit_one(const Execution& execution, const Data& data, const SelectOptions& options, std::size_t i,
             std::size_t j, const FitPart& fit_part);

/// Whether a failure is that of a candidate (Errors 65 and 79), and not that of the run.
bool is_of_candidate(const Error& e);

/// Collective. Fits all candidates, one after the other, and chooses. Those that cannot be fitted (more
/// components than distinct rows, a numerical failure: Errors 65 and 79) are listed with the reason;
/// degenerate ones (gmmpi/inference/degeneracy.hpp) are listed and by default not chosen; of equal ones the
/// first is. For cv each candidate is also fitted to the rows outside of each fold (Folds in
/// data/fold_data.hpp, from options.fit.seed) and scored on those inside (Smyth 2000), whose labels are not
/// looked at. `finished` is told of each candidate. Errors: 64 options; those of fit_part; 65 or 79 if
/// nothing is left to choose.
Selection select(const Execution& execution, const Data& data, const SelectOptions& options,
                 const FitPart& fit_part, const std::function<void(const Candidate&)>& finished);

/// "bic", "aic", "icl" or "cv".
std::string criterion_name(Criterion criterion);

}  // namespace gmmpi
