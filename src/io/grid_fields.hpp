// The group /grid of a model file: every candidate of a selection.
#pragma once

#include <vector>

#include "gmmpi/io/model_file.hpp"
#include "io/field_list.hpp"

namespace gmmpi {

/// Columns of one entry per candidate, and the attributes criterion, best, request and digest, which is that
/// of all the others.
std::vector<Field> grid_fields(const ModelRecord::Grid& grid, const DataSummary& data);

}  // namespace gmmpi
