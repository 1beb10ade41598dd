// The one table of a checkpoint: every member of a fit's state, to be written and read.
#pragma once

#include <vector>

#include "gmmpi/em/fit.hpp"
#include "io/field_list.hpp"

namespace gmmpi {

/// Everything of the state but what its engine keeps, which state.engine lists itself. Places are in `state`.
std::vector<StateField> state_fields(FitState& state, const FitOptions& options);

/// As what they are written; none for a mixture without components.
std::vector<Field> stored_fields(const std::vector<StateField>& fields);

/// Fills their places from the groups of a file. Error 65 that starts with `name`.
void read_state_fields(hid_t file, const std::string& name, const std::vector<StateField>& fields);

}  // namespace gmmpi
