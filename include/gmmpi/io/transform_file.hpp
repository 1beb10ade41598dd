// Transform files: principal components, as gmmpi pca leaves them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gmmpi/data/transform.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

/// Principal components and what they explain.
struct ComponentRecord {
  Transform transform;
  std::vector<double> variance;                ///< (m), of each component
  double total_variance = 0.0;                 ///< of all columns
  std::vector<std::string> feature_names;      ///< (d), or none
  std::map<std::string, std::string> options;  ///< written to /options
  std::string request;                         ///< as request_text; the root attribute `request`
};

/// Local. Writes the file as a whole (temporary name, then renamed) and returns its digest, which is that of
/// everything in /transform. Errors 73, 74, 77.
std::string write_components(const std::string& path, const ComponentRecord& record);

/// Collective. /transform of a file that gmmpi pca or gmmpi fit has written. Errors: 65 (none there, or not
/// sound), 66, 77.
Transform read_transform(const Execution& execution, const std::string& path);

}  // namespace gmmpi
