// labelled_start.
#include "em/labelled_start.hpp"

#include <algorithm>

#include "em/labelled.hpp"
#include "em/seeding.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

std::vector<double> class_means(const Execution& execution, const Data& data, const std::vector<double>& mean,
                                const RowLabels& labels) {
  std::vector<double> centers;
  for (int k = 0; k < labels.n_classes(); ++k) centers.insert(centers.end(), mean.begin(), mean.end());
  const Moments moments = sweep(execution, data, KnownClasses(labels, nullptr), centers);
  const int d = data.n_columns();
  for (int k = 0; k < labels.n_classes(); ++k)
    for (int j = 0; j < d && labels.n_rows(k) > 0; ++j)
      centers[std::size_t(k) * d + j] += moments.first(k)[j] / moments.counts()[k];
  return centers;
}

LabelledStart labelled_start(const Execution& execution, const Data& data, const std::vector<double>& mean,
                             const FitOptions& options, std::uint64_t seed, FitState& state,
                             const SafePoint& safe_point) {
  GMMPI_EXPECT(options.labels && options.labels->n_classes() == options.n_components);
  GMMPI_EXPECT(std::ssize(mean) == data.n_columns());
  const RowLabels& labels = *options.labels;
  const int K = options.n_components;
  const std::ptrdiff_t d = data.n_columns();
  LabelledStart start{class_means(execution, data, mean, labels), false,
                      "maximum likelihood of labelled rows"};
  std::vector<int> seen, unseen;
  Index fewest = labels.n_rows(0);
  for (int k = 0; k < K; ++k) {
    (labels.n_rows(k) > 0 ? seen : unseen).push_back(k);
    fewest = std::min(fewest, labels.n_rows(k));
  }
  if (labels.complete() || fewest > d) return start;

  start.others = true;
  start.how = "labelled rows, the others at the nearest class mean or seed";
  if (state.centers.empty())  // else they were found before a stop
    for (const int k : seen)
      state.centers.insert(state.centers.end(), start.centers.begin() + k * d,
                           start.centers.begin() + (k + 1) * d);
  seed_centers(execution, data, K, SeedRule::distance, seed, state.centers, safe_point);
  for (std::size_t i = 0; i < unseen.size(); ++i)
    std::copy_n(state.centers.begin() + static_cast<std::ptrdiff_t>(seen.size() + i) * d, d,
                start.centers.begin() + unseen[i] * d);
  return start;
}

}  // namespace gmmpi
