// Assignments that heed labels, tile by tile.
#include "em/labelled.hpp"

#include <algorithm>

namespace gmmpi {

namespace {

/// Puts the tile's labelled rows into `gamma` (K x kTile); true if there are any.
bool assign_known(const Tile& tile, const RowLabels& labels, double* gamma) {
  bool any = false;
  for (int r = 0; r < tile.n_rows(); ++r) {
    const std::int32_t label = labels[tile.row(r)];
    if (label == RowLabels::kUnknown) continue;
    for (int k = 0; k < labels.n_classes(); ++k) gamma[std::int64_t{k} * kTile + r] = 0.0;
    gamma[std::int64_t{label} * kTile + r] = tile.weights()[r];
    any = true;
  }
  return any;
}

}  // namespace

void KnownClasses::assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const {
  const std::int64_t size = std::int64_t{n_components()} * kTile;
  if (others_) {
    others_->assign(tiles, scratch, gamma, value);
  } else {
    std::fill_n(gamma, std::ssize(tiles) * size, 0.0);
    std::fill_n(value, std::ssize(tiles) * kTile, 0.0);
  }
  for (const Tile& tile : tiles) {
    assign_known(tile, labels_, gamma);
    gamma += size;
  }
}

PartialAssignment KnownClasses::given(std::span<const int> observed, std::span<const int> missing) const {
  std::unique_ptr<Assignment> others = others_ ? others_->given(observed, missing).observed : nullptr;
  auto partial = std::make_unique<KnownClasses>(labels_, others.get());
  partial->owned_ = std::move(others);
  return {std::move(partial)};
}

PartialAssignment LabelledPosterior::given(std::span<const int> observed,
                                           std::span<const int> missing) const {
  PartialAssignment others = posterior_.given(observed, missing);
  const ObservedPart part = observed_part(mixture_, observed, missing, density_.kernels());
  auto partial =
      std::make_unique<LabelledPosterior>(labels_, *others.observed, part.given, density_.kernels());
  partial->owned_ = std::move(others.observed);
  return {std::move(partial), std::move(others.missing)};
}

std::size_t LabelledPosterior::scratch_size() const {
  return posterior_.scratch_size() + std::size_t(n_components()) * kTile + density_.scratch_size();
}

void LabelledPosterior::assign(std::span<const Tile> tiles, double* scratch, double* gamma,
                               double* value) const {
  const std::int64_t size = std::int64_t{n_components()} * kTile;
  if (labels_.complete()) {  // but for rows of weight zero, which count nowhere
    std::fill_n(gamma, std::ssize(tiles) * size, 0.0);
    std::fill_n(value, std::ssize(tiles) * n_values() * kTile, 0.0);
  } else {
    posterior_.assign(tiles, scratch, gamma, value);
  }
  double* joint = scratch + posterior_.scratch_size();
  for (const Tile& tile : tiles) {
    if (assign_known(tile, labels_, gamma)) {
      density_.log_joint(tile, joint + size, joint);
      for (int r = 0; r < tile.n_rows(); ++r) {
        const std::int32_t label = labels_[tile.row(r)];
        if (label == RowLabels::kUnknown) continue;
        for (int v = 0; v < n_values(); ++v)
          value[std::int64_t{v} * kTile + r] = joint[std::int64_t{label} * kTile + r];
        if (has_entropy()) value[std::int64_t{n_values() - 1} * kTile + r] = 0.0;
      }
    }
    gamma += size;
    value += std::int64_t{n_values()} * kTile;
  }
}

}  // namespace gmmpi
