// What a virtual HDF5 dataset is made of: files found by HDF5's rules, and which part lies where.
#pragma once

#include <string>
#include <vector>

#include "io/hdf5_handles.hpp"

namespace gmmpi::h5 {

/// A part of a virtual dataset that lies in another dataset.
struct VirtualPart {
  std::string
      file;  ///< as the mapping names it, block number filled in; "." is the file of the virtual dataset
  std::string path;     ///< under which the file was found
  std::string dataset;  ///< in that file
  Handle source;        ///< open
  Handle in_virtual;    ///< selection; may be unlimited
  Handle in_source;     ///< selection; may be unlimited, or all of it
};

/// How many blocks of a printf-style mapping (f-%b.h5) may be missing in front of one that is there.
inline constexpr hsize_t kMostMissingBlocks = 64;

/// The parts of the virtual dataset, in the order of its mappings; printf-style ones block by block, up to
/// the last that is there. Nothing but regular files is opened (a pipe would make HDF5 wait). Errors: 66 a
/// source file that is missing, 65 one that is no HDF5 file or has no such dataset, 77, 74.
std::vector<VirtualPart> virtual_parts(hid_t dataset, const std::string& subject);

/// What `part` covers in the virtual dataset, whose shape is that of `space`; an unlimited selection ends
/// where the source ends. Error 65: a source smaller than what is mapped, or of another shape.
Handle covered_part(const VirtualPart& part, hid_t space, const std::string& subject);

}  // namespace gmmpi::h5
