// From covariances of a layout to those of a structure.
#pragma once

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// Where the structure is constrained: the covariances that it makes of the present ones, taken as scatters
/// of rows in proportion to the weights. Components of weight zero get what the others have on average. The
/// factors are not set.
void constrain(Mixture& mixture, const KernelTable& kernels);

}  // namespace gmmpi
