// ObservedModels: marginals, kept.
#include "inference/observed_models.hpp"

#include <algorithm>
#include <numeric>

#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

constexpr std::int64_t kKeptBytes = std::int64_t{48} << 20;

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
      complete_(std::make_shared<ObservedModel>(mixture, complete_pattern(mixture.n_features), kernels)) {
  if (has_gaps_ && mixture.label_rule == LabelRule::nearest && !mixture.label_space.components.empty())
    throw Error(ExitCode::usage,
                "the model assigns rows to means of principal components, which needs complete rows; give "
                "`missing` drop");
}

std::shared_ptr<const ObservedModel> ObservedModels::of(const Pattern& pattern) const {
  if (pattern.is_complete()) return complete_;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = known_.find(pattern.key); known != known_.end()) return known->second;
  }
  auto made = std::make_shared<const ObservedModel>(mixture_, pattern, kernels_);
  const std::int64_t bytes = bytes_of(*made);
  const std::scoped_lock lock(mutex_);
  if (bytes_ + bytes <= kKeptBytes && known_.try_emplace(pattern.key, made).second) bytes_ += bytes;
  return made;
}

ObservedTiles::ObservedTiles(const ObservedModels& models, Rare rare)
    : models_(models), patterns_(models.of_complete_rows()->part.given.n_features) {
  const ObservedModel& complete = *models.of_complete_rows();
  const bool together = rare == Rare::together && complete.part.given.label_rule == LabelRule::posterior &&
                        complete.density.rowwise();
  least_ = together ? kLeastTogether : 1;
  const int d = models.of_complete_rows()->part.given.n_features;
  for (int n = 0; n <= d; ++n)
    tiles_.emplace_back(models.has_gaps() || n == d ? std::max(n, 1) : 1, models.kernels());
}

}  // namespace gmmpi
