// Gamma variates from a row's own random numbers.
#pragma once

#include "gmmpi/model/component.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

/// A draw of the gamma distribution of this shape > 0 and scale 1, from random(first), random(first + 1), ...
/// as many as it takes. Marsaglia & Tsang, ACM Trans. Math. Softw. 26 (2000).
double gamma_draw(double shape, const RowRandom& random, int first, const KernelTable& kernels);

}  // namespace gmmpi
