// Warnings about columns that are probably not what the user means to fit.
#include "app/column_doubts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/support.hpp"
#include "gmmpi/inference/principal_components.hpp"

namespace gmmpi::app {

namespace {

constexpr double kMostRatio = 100.0;
constexpr std::size_t kMostColumnsShown = 5;

}  // namespace

std::string shape_doubt(const DataReader& rows) {
  if (rows.n_columns() <= rows.n_rows()) return "";
  return fmt::format("{} has fewer rows ({}) than columns ({}): is it transposed? Rows are what is fitted",
                     rows.name(), rows.n_rows(), rows.n_columns());
}

std::string constant_doubt(const DataSummary& summary, const DataReader& rows) {
  std::vector<std::string> constant;
  for (std::size_t j = 0; j < summary.minimum.size(); ++j)
    if (summary.minimum[j] == summary.maximum[j]) constant.push_back(rows.column_text(static_cast<int>(j)));
  if (constant.empty() || summary.n_rows < 2) return "";
  const std::size_t n = constant.size();
  constant.resize(std::min(n, kMostColumnsShown));
  return fmt::format("{} the same value in every row and tell{} nothing: {}{}; leave {} out with --columns",
                     n == 1 ? "a column has" : fmt::format("{} columns have", n), n == 1 ? "s" : "",
                     fmt::join(constant, ", "), n > kMostColumnsShown ? ", ..." : "", n == 1 ? "it" : "them");
}

std::string scale_doubt(const Execution& execution, const Data& data, const DataReader& rows,
                        const FitOptions& f) {
  if (!f.engine->parameters_are_means() || !f.transform.empty()) return "";
  const std::vector<double> deviation = standardising(execution, data).scale;
  int least = -1, most = -1;
  for (int j = 0; j < data.n_columns(); ++j) {
    if (data.summary().minimum[j] == data.summary().maximum[j]) continue;
    if (least < 0 || deviation[j] < deviation[least]) least = j;
    if (most < 0 || deviation[j] > deviation[most]) most = j;
  }
  if (least < 0 || deviation[most] <= kMostRatio * deviation[least]) return "";
  return fmt::format(
      "columns differ in scale, and distances hardly see the small ones: {} has the standard deviation "
      "{:.3g}, {} {:.3g}; --standardize gives all the same",
      rows.column_text(most), deviation[most], rows.column_text(least), deviation[least]);
}

}  // namespace gmmpi::app
