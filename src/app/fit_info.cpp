// What gmmpi info says of a fit: how far it is, its likelihood and criteria.
#include "app/fit_info.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "app/grid_table.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "gmmpi/em/engine.hpp"

namespace gmmpi::app {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::size_t kMostSparks = 40;

/// Lowest to highest value as eight heights; of a long history some entries, evenly spaced.
std::string sparkline(const std::vector<double>& values) {
  static constexpr const char* heights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const auto [least, most] = std::ranges::minmax(values);
  const std::size_t n = std::min<std::size_t>(values.size(), kMostSparks);
  std::string text;
  for (std::size_t i = 0; i < n; ++i) {
    const double value = values[n == 1 ? 0 : i * (values.size() - 1) / (n - 1)];
    text += heights[most > least ? static_cast<int>(7.999 * ((value - least) / (most - least))) : 7];
  }
  return text;
}

/// "converged after 5 iterations", "1 pass of engine sequential".
std::string progress_text(const Json& file) {
  const Json &m = file.at("model"), engine = member(file, "options", "engine");
  const bool converged = m.at("converged").get<int>() != 0;
  const auto n = m.at("n_iter").get<Index>();
  const std::string count = in_passes(file) ? fmt::format("{} pass{}", n, n == 1 ? "" : "es")
                                            : count_text(n, "iteration"),
                    end = converged         ? "converged after "
                          : in_passes(file) ? ""
                                            : "not converged after ";
  const bool plain = !engine.is_string() || engine == std::string(default_engine().name());
  return end + count + (plain ? "" : " of engine " + engine.get<std::string>());
}

}  // namespace

Json member(const Json& file, const char* group, const char* name) {
  const Json g = file.value(group, Json());
  return g.is_object() ? g.value(name, Json()) : Json();
}

std::string errors_option(const Json& file) {
  const Json errors = member(file, "options", "errors");
  return errors.is_string() ? " --errors " + errors.get<std::string>() : "";
}

void print_fit(const Json& file) {
  const Json& m = file.at("model");
  say("fitted to {} rows{}: {}, seed {}\n", m.at("n_samples").get<Index>(),
      errors_option(file).empty() ? "" : " with errors", progress_text(file), m.at("seed").get<Index>());
  say("log-likelihood {:.10g} (mean per row {:.8g}), {} parameters\n", m.at("log_likelihood").get<double>(),
      m.at("lower_bound").get<double>(), m.at("n_parameters").get<Index>());
  say("AIC {:.10g}   BIC {:.10g}   ICL {:.10g}   (lower is better)\n", m.at("aic").get<double>(),
      m.at("bic").get<double>(), m.at("icl").get<double>());
  if (const Json inertia = member(file, "history", "inertia"); !inertia.empty() && inertia.back().is_number())
    say("inertia {:.10g}\n", inertia.back().get<double>());
  const Json history = member(file, "history", "log_likelihood");
  if (history.size() > 1 && std::ranges::all_of(history, [](const Json& h) { return h.is_number(); }))
    say("log-likelihood over iterations {:.6g} {} {:.6g}\n", history.front().get<double>(),
        sparkline(history.get<std::vector<double>>()), history.back().get<double>());
  if (m.contains("log_posterior"))
    say("log posterior {:.10g} (up to a constant); prior with shrinkage {:g}, {:g} degrees of freedom, "
        "weight {:g}\n",
        m.at("log_posterior").get<double>(), m.at("prior_shrinkage").get<double>(),
        m.at("prior_dof").get<double>(), m.at("prior_weight").get<double>());
  if (m.contains("n_labelled")) say("the classes of {} rows were known\n", m.at("n_labelled").get<Index>());
  if (m.contains("reseeds")) say("{} collapsed components were reseeded\n", m.at("reseeds").size());
  say("digest {}\n", m.at("digest").get<std::string>());
}

}  // namespace gmmpi::app
