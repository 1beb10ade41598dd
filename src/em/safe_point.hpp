// A place in a long phase from which a fit can be continued.
#pragma once

#include <functional>

namespace gmmpi {

/// Called before each pass over the data, when the start can be continued from the present centres.
using SafePoint = std::function<void()>;

}  // namespace gmmpi
