// Rows of a block with the model of the columns that they have.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "data/kept_by_pattern.hpp"
#include "data/tile.hpp"
#include "model/log_density.hpp"
#include "model/observed_part.hpp"

namespace gmmpi {

/// A mixture's marginal for rows of one pattern, and what it says of the missing columns.
struct ObservedModel {
  ObservedModel(const Mixture& all, const Pattern& pattern, const KernelTable& kernels);

  Pattern pattern;
  ObservedPart part;  ///< of complete rows the mixture itself
  LogDensity density;
};

using ObservedModelPtr = std::shared_ptr<const ObservedModel>;

/// Those of a pass over the data, made when they are first met and kept within a limit of memory. Shared by
/// all threads.
class ObservedModels {
 public:
  /// Error 64 if rows with gaps cannot be labelled: by k-means on principal components; or if rows have
  /// errors and the mixture knows none.
  ObservedModels(const Mixture& mixture, const DataSummary& summary, const KernelTable& kernels);
  bool has_gaps() const { return has_gaps_; }
  bool has_errors() const { return has_errors_; }
  const KernelTable& kernels() const { return kernels_; }
  const ObservedModelPtr& of_complete_rows() const { return complete_; }
  ObservedModelPtr of(const Pattern& pattern) const;

 private:
  const Mixture& mixture_;
  const KernelTable& kernels_;
  bool has_gaps_, has_errors_;
  ObservedModelPtr complete_;
  mutable KeptByPattern<ObservedModel> kept_;
};

/// One thread's tiles.
class ObservedTiles {
 public:
  /// What becomes of rows of patterns that few rows of a block have: tiles of their own, or, where the
  /// mixture can, partial tiles with the model of complete rows: then densities have the bits that they have
  /// in a fit.
  enum class Rare { by_pattern, together };
  explicit ObservedTiles(const ObservedModels& models, Rare rare = Rare::by_pattern);

  /// Calls f(tile, model) for all rows of positive weight of the block; without gaps, or with errors, for
  /// those of weight zero, too, in the order of rows. `model` is a shared_ptr, to be held by whoever wants to
  /// know it again.
  template <class F>
  void for_each(const Block& block, F f) {
    if (models_.has_errors()) {
      Block rows = block;
      rows.rowwise = true;
      visit(rows, models_.of_complete_rows(), f);
      return;
    }
    if (!models_.has_gaps()) {
      visit(block, models_.of_complete_rows(), f);
      return;
    }
    for (const PatternRows& group : patterns_.split(block, least_))
      visit(group.rows, models_.of(*group.pattern), f);
    Block rare = patterns_.rare_rows();
    rare.rowwise = true;
    visit(rare, models_.of_complete_rows(), f);
  }

 private:
  template <class F>
  void visit(const Block& rows, const ObservedModelPtr& model, F f) {
    std::optional<Tile>& tile = tiles_[model->part.given.n_features];
    if (!tile) tile.emplace(model->part.given.n_features, models_.kernels());
    for (int offset = 0; offset < rows.n_rows; offset += kTileRows) {
      tile->load(rows, offset);
      f(*tile, model);
    }
  }

  const ObservedModels& models_;
  int least_;
  BlockPatterns patterns_;
  std::vector<std::optional<Tile>> tiles_;  ///< by their number of columns
};

}  // namespace gmmpi
