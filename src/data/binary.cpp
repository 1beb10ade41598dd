// require_binary.
#include "data/binary.hpp"

#include <fmt/format.h>

#include <cmath>

#include "data/tile.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

void require_binary(const Execution& execution, const Data& data, const std::string& name) {
  const int d = data.n_columns();
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int) {
      Tile tile(d, *execution.kernels);
      for (int offset = 0; offset < block.n_rows; offset += kTileRows) {
        tile.load(block, offset);
        for (int r = 0; r < tile.n_rows(); ++r)  // rows of weight zero are loaded as zeros
          for (int j = 0; j < d; ++j)
            if (const double x = tile.xt()[j * kTileRows + r]; x != 0.0 && x != 1.0 && !std::isnan(x))
              throw Error(
                  ExitCode::bad_data,
                  fmt::format("{}: row {}, column {} is {:g}, but a Bernoulli mixture needs zeros and ones; "
                              "binarise the data, or fit a Gaussian mixture",
                              name, tile.row(r), j, x));
      }
    });
  });
}

}  // namespace gmmpi
