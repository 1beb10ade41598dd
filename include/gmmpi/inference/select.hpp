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
  bool share_starts = true;      ///< candidates of one K also start from each other's models
  /// Where they do, the second half of n_init starts from random responsibilities, if that is not much
  /// dearer: k-means comes to the same few clusters from most seeds.
  bool mix_starts = false;
  std::map<int, std::shared_ptr<const RowLabels>>
      labels;  ///< for each number of components; empty: none are known
  /// Where the candidates with as many components as it has classes start from (Init::labels); null: nowhere.
  std::shared_ptr<const RowLabels> init_labels;

  /// Options of candidate i; the numbers of components of the first structure come first.
  FitOptions candidate(std::size_t i) const;
  /// That of the s-th structure and the k-th number of components.
  std::size_t candidate_of(std::size_t s, std::size_t k) const { return s * n_components.size() + k; }
  std::size_t n_candidates() const { return n_components.size() * structures.size(); }
  /// Whether there is anything to share: structures that are nested, whose covariances the engine fits.
  bool shares() const;
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
  std::uint64_t seed = 0;  ///< of the restart that was kept, or that the shared start descends from
  const CovarianceStructure* started_from = nullptr;  ///< whose model was the start; null: its own starts
  HeldOut held_out;                                   ///< criterion cv only

  Kind kind() const { return {*structure, *component}; }
  /// The covariance type whose model was the start; empty: its own starts.
  std::string start_name() const { return started_from ? std::string(started_from->name()) : ""; }
  /// What is compared, so that lower is better. NaN where there is none.
  double loss(Criterion criterion) const;
};

struct Selection {
  std::vector<Candidate> candidates;
  std::size_t best = 0;
  FitOptions options;  ///< of the best
  FitResult result;    ///< of the best
};

/// Fits `data` as `options` say. `part` names what is fitted: "full.3", with cv "full.3.fold0of5"; from the
/// model of another candidate (Init::model) "full.3.from.tied" or "full.3.again.tied"; "full.3.random". It
/// may keep and find results under that name, as long as they are those of `fit`.
using FitPart =
    std::function<FitResult(const std::string& part, const Data& data, const FitOptions& options)>;

/// The names that `select` gives to the fits of candidate i: to all rows first, then to those outside of each
/// fold.
std::vector<std::string> part_names(const SelectOptions& options, std::size_t i);
/// Those that it may give to further fits, where options.shares().
std::vector<std::string> further_part_names(const SelectOptions& options, std::size_t i);

/// Collective. Has `fit_part` do what `select` does from the own starts of candidate i, for the j-th of its
/// part_names. Errors: 64 options; those of fit_part.
void fit_one(const Execution& execution, const Data& data, const SelectOptions& options, std::size_t i,
             std::size_t j, const FitPart& fit_part);

/// Collective. Likewise those from shared starts, of all candidates of the k-th number of components, after
/// those of the j-th of the part_names of each.
void fit_shared(const Execution& execution, const Data& data, const SelectOptions& options, std::size_t k,
                std::size_t j, const FitPart& fit_part);

/// Whether a failure is that of a candidate (Errors 65 and 79), and not that of the run.
bool is_of_candidate(const Error& e);

/// Collective. Fits all candidates, one number of components after the other, and chooses. Where
/// options.shares(), the candidates of one K then start from each other's models, too, and keep what is
/// better (docs/maths/selection.md, "Shared starts"). Those that cannot be fitted (more components than
/// distinct rows, a numerical failure: Errors 65 and 79) are listed with the reason; degenerate ones
/// (gmmpi/inference/degeneracy.hpp) are listed and by default not chosen; of equal ones the first is. For cv
/// each candidate is also fitted to the rows outside of each fold (Folds in data/fold_data.hpp, from
/// options.fit.seed) and scored on those inside (Smyth 2000), whose labels are not looked at. `finished` is
/// told of each candidate. Errors: 64 options; those of fit_part; 65 or 79 if nothing is left to choose.
Selection select(const Execution& execution, const Data& data, const SelectOptions& options,
                 const FitPart& fit_part, const std::function<void(const Candidate&)>& finished);

/// "bic", "aic", "icl" or "cv".
std::string criterion_name(Criterion criterion);

}  // namespace gmmpi
