// TrueLabels: counting and saying.
#include "app/true_labels.hpp"

#include <fmt/format.h>

#include "app/support.hpp"

namespace gmmpi::app {

namespace {

constexpr std::size_t kMostPairsShown = 20;

}  // namespace

TrueLabels::TrueLabels(const Execution& execution, const InputData& inputs)
    : inputs_(inputs), labels_(execution, *inputs.rows, *inputs.opened.labels, RowLabels::kAnyClasses) {}

Agreement TrueLabels::of(const Execution& execution, const Mixture& mixture) const {
  return agreement(class_table(execution, *inputs_.rows, mixture, labels_), mixture.n_components,
                   labels_.n_classes());
}

std::string TrueLabels::rows_text() const {
  const Index unknown = inputs_.rows->summary().n_rows - labels_.n_known();
  return count_text(labels_.n_known(), "row") +
         (inputs_.opened.weights ? ", each counted once, whatever its weight" : "") +
         (unknown > 0 ? fmt::format("; {} without a label are left out", unknown) : "");
}

nlohmann::ordered_json TrueLabels::json(const Agreement& a) {
  return {{"adjusted_rand_index", a.adjusted_rand_index},
          {"accuracy", a.accuracy},
          {"n_labelled", a.n_rows},
          {"class_of_component", a.class_of}};
}

std::string TrueLabels::text(const Agreement& a) {
  std::string pairs;
  std::size_t n = 0;
  for (std::size_t k = 0; k < a.class_of.size(); ++k) {
    if (a.class_of[k] < 0 || n++ >= kMostPairsShown) continue;
    pairs += fmt::format("{}{}: {}", pairs.empty() ? "" : ", ", k, a.class_of[k]);
  }
  if (n > kMostPairsShown) pairs += fmt::format(", and {} more (--json)", n - kMostPairsShown);
  return fmt::format("adjusted Rand index {:.6f}, accuracy {:.6f} (component: class, {})",
                     a.adjusted_rand_index, a.accuracy, pairs);
}

}  // namespace gmmpi::app
