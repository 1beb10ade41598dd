// Squared distances of tiles of rows from all components: what the E-step computes.
#pragma once

#include "gmmpi/data/block_grid.hpp"

namespace gmmpi {

/// A mixture prepared for tiles of kTileRows rows. Shared by all threads. Distances grow column by column, so
/// that a pair of row and component can be left early.
class Distances {
 public:
  virtual ~Distances() = default;
  /// out (K x kTileRows) = the part that the first `columns` columns determine: all, or a multiple of 4. `xt`
  /// (d x kTileRows) holds the columns of a tile, `scratch` as many numbers. Rows beyond the data's are
  /// zeros.
  virtual void first(int columns, const double* xt, double* scratch, double* out) const = 0;
  /// Adds what the other columns determine to such distances from component k, of n_rows <= kTileRows rows,
  /// which `xt` holds likewise. Up to the next multiple of 32 rows may be touched.
  virtual void rest(int columns, int k, int n_rows, const double* xt, double* scratch,
                    double* distances) const = 0;
  /// Of one pair, roughly, in cycles.
  virtual double cost(double columns) const = 0;
};

}  // namespace gmmpi
