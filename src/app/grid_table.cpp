// Tables of candidates: what select prints as it goes on, and what a file holds.
#include "app/grid_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace gmmpi::app {

namespace {

std::string numbers(double log_likelihood, double bic, double aic, double icl, const HeldOut* held_out) {
  std::string text = fmt::format("{:16.4f}{:14.4f}{:14.4f}{:14.4f}", log_likelihood, bic, aic, icl);
  if (held_out) text += fmt::format("{:14.6f} ({:.6f})", held_out->mean, held_out->standard_error);
  return text;
}

std::string head(const std::string& covariance_type, std::int64_t n_components) {
  return fmt::format("{:<10}{:>5}", covariance_type, n_components);
}

std::string tail(std::int64_t n_parameters, std::int64_t n_iter, bool done, bool degenerate,
                 const std::string& reason) {
  return fmt::format("{:>8}{:>7}{}{}", n_parameters, n_iter, done ? "" : "  not converged",
                     degenerate ? "  degenerate: " + reason : "");
}

std::string not_fitted(const std::string& reason) {
  return "  not fitted: " + reason;
}

}  // namespace

std::string grid_header(Criterion criterion) {
  return fmt::format("{:<10}{:>5}{:>16}{:>14}{:>14}{:>14}{}{:>8}{:>7}", "type", "K", "log-likelihood", "BIC",
                     "AIC", "ICL", criterion == Criterion::cv ? fmt::format("{:>25}", "held out (s.e.)") : "",
                     "params", "iter");
}

std::string grid_line(const Candidate& c, Criterion criterion, bool in_passes) {
  const std::string begin = head(std::string(c.kind().name()), c.n_components);
  if (!c.fitted) return begin + not_fitted(c.reason);
  return begin +
         numbers(c.score.log_likelihood, c.score.bic, c.score.aic, c.score.icl,
                 criterion == Criterion::cv ? &c.held_out : nullptr) +
         tail(c.n_parameters, c.n_iter, c.converged || in_passes, c.degenerate, c.reason);
}

bool in_passes(const nlohmann::ordered_json& file) {
  const auto engine = file.value("options", nlohmann::ordered_json::object()).value("engine", "");
  return std::ranges::any_of(std::array{Engine::stepwise, Engine::sequential},
                             [&](Engine e) { return engine_name(e) == engine; });
}

std::string grid_text(const nlohmann::ordered_json& g, bool in_passes) {
  const bool cv = g.contains("cv");
  std::string text = grid_header(cv ? Criterion::cv : Criterion::bic) + "\n";
  const auto best = g.at("best").get<std::size_t>();
  for (std::size_t i = 0; i < g.at("n_components").size(); ++i) {
    const auto number = [&](const char* name) { return g.at(name).at(i).get<double>(); };
    const auto integer = [&](const char* name) { return g.at(name).at(i).get<std::int64_t>(); };
    const auto reason = g.at("reason").at(i).get<std::string>();
    text += head(g.at("covariance_type").at(i).get<std::string>(), integer("n_components"));
    if (!integer("fitted")) {
      text += not_fitted(reason) + "\n";
      continue;
    }
    const HeldOut held_out{cv ? number("cv") : 0.0, cv ? number("cv_standard_error") : 0.0};
    text += numbers(number("log_likelihood"), number("bic"), number("aic"), number("icl"),
                    cv ? &held_out : nullptr);
    text += tail(integer("n_parameters"), integer("n_iter"), integer("converged") != 0 || in_passes,
                 integer("degenerate") != 0, reason);
    text += i == best ? "  <- best\n" : "\n";
  }
  const auto criterion = g.at("criterion").get<std::string>();
  text +=
      fmt::format("chosen by {} ({} is better){}\n", criterion, cv ? "higher" : "lower",
                  g.at("degenerate_candidates") == "exclude" ? "; degenerate candidates are left out" : "");
  return text;
}

}  // namespace gmmpi::app
