// Where the threads of this process may run.
#pragma once

#include <string>

namespace gmmpi {

/// "node7: processors 0-3,8"
std::string binding_text();

}  // namespace gmmpi
