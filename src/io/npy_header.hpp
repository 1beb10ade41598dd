// The header of numpy's .npy files: parsed and written.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gmmpi/data/row_sink.hpp"
#include "io/posix_file.hpp"
#include "io/table_request.hpp"

namespace gmmpi {

/// First bytes of every .npy file.
inline constexpr std::string_view kNpyMagic = "\x93NUMPY";

/// Type and layout of the array in a .npy file of format version 1, 2 or 3.
struct NpyHeader {
  char kind = 'f';       ///< f, i, u or b
  int item_size = 8;     ///< bytes
  bool swapped = false;  ///< of the other byte order than this machine's
  bool fortran_order = false;
  std::vector<Index> shape;
  std::int64_t data_offset = 0;
};

/// Error 65: not a .npy file, damaged, truncated, or not of numbers.
NpyHeader read_npy_header(const InputFile& file);

/// The bytes in front of the rows of C-ordered arrays (version 1.0, padded to 64 bytes): of one array, or of
/// a structured one whose fields are several.
std::string make_npy_header(std::span<const OutputColumn> columns, Index n_rows);

}  // namespace gmmpi
