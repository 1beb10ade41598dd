// ObservedModels: marginals, kept.
#include "inference/observed_models.hpp"

#include <algorithm>
#include <numeric>

#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

Pattern complete_pattern(int n_features) {
  Pattern pattern;
  pattern.observed.resize(n_features);
  std::iota(pattern.observed.begin(), pattern.observed.end(), 0);
  return pattern;
}

ObservedPart part_of(const Mixture& all, const Pattern& pattern, const KernelTable& kernels) {
  if (pattern.is_complete()) return {all, {}};
  return observed_part(all, pattern.observed, pattern.missing, kernels);
}

std::int64_t bytes_of(const ObservedModel& model) {
  const Mixture& given = model.part.given;
  const MissingColumns& missing = model.part.missing;
  return 8 * (4 * std::ssize(given.covariances) + 3 * std::ssize(given.means) + std::ssize(missing.slopes) +
              std::ssize(missing.covariances) + 2 * std::ssize(missing.means)) +
         4096;
}

}  // namespace

ObservedModel::ObservedModel(const Mixture& all, const Pattern& p, const KernelTable& kernels)
    : pattern(p), part(part_of(all, p, kernels)), density(part.given, kernels) {}

ObservedModels::ObservedModels(const Mixture& mixture, const DataSummary& summary, const KernelTable& kernels)
    : mixture_(mixture),
      kernels_(kernels),
      has_gaps_(summary.has_gaps()),
      has_errors_(summary.has_errors),
      complete_(std::make_shared<ObservedModel>(mixture, complete_pattern(mixture.n_features), kernels)) {
  if (has_gaps_ && mixture.label_rule == LabelRule::nearest && !mixture.label_space.components.empty())
    throw Error(ExitCode::usage,
                "the model assigns rows to means of principal components, which needs complete rows; give "
                "`missing` drop");
  if (has_errors_ && (mixture.label_rule == LabelRule::nearest || !mixture.component->has_rowwise_density()))
    throw Error(
        ExitCode::usage,
        "`errors`: the model does not know errors of rows; leave them out, or fit Gaussian components");
}

ObservedModelPtr ObservedModels::of(const Pattern& pattern) const {
  if (pattern.is_complete()) return complete_;
  return kept_.of(
      pattern, [&] { return std::make_shared<const ObservedModel>(mixture_, pattern, kernels_); }, bytes_of);
}

ObservedTiles::ObservedTiles(const ObservedModels& models, Rare rare)
    : models_(models), patterns_(models.of_complete_rows()->part.given.n_features) {
  const ObservedModel& complete = *models.of_complete_rows();
  const bool together = rare == Rare::together && complete.part.given.label_rule == LabelRule::posterior &&
                        complete.density.rowwise();
  least_ = together ? kLeastTogether : 1;
  tiles_.resize(complete.part.given.n_features + 1);
}

}  // namespace gmmpi
