// Squared distances of tiles of rows from all components: what the kernels of the E-step compute.
#pragma once

#include "data/tile.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

/// A mixture prepared for its kernel. Shared by all threads. Distances grow column by column, so that a pair
/// of row and component can be left early (src/model/pruned_density.hpp).
class Distances {
 public:
  virtual ~Distances() = default;
  /// out (K x kTile) = the part that the first `columns` columns (all, or a multiple of kFactorColumns)
  /// determine; `scratch` d x kTile.
  virtual void first(int columns, const Tile& tile, double* scratch, double* out) const = 0;
  /// Adds the rest to such distances from component k, of up to kTile rows; `xt` and `scratch` d x kTile.
  virtual void rest(int columns, int k, int n_rows, const double* xt, double* scratch,
                    double* distances) const = 0;
  /// Of one pair, roughly, in cycles.
  virtual double cost(double columns) const = 0;
};

}  // namespace gmmpi
