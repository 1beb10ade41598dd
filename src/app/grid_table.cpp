// Tables of candidates: what select prints as it goes on, and what a file holds.
#include "app/grid_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "app/option_flags.hpp"

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

std::string tail(std::int64_t n_parameters, std::int64_t n_iter, bool done, const std::string& started_from,
                 bool degenerate, const std::string& reason) {
  return fmt::format("{:>8}{:>7}{}{}{}", n_parameters, n_iter, done ? "" : "  not converged",
                     started_from.empty() ? "" : "  from " + started_from,
                     degenerate ? "  degenerate: " + with_flags(reason) : "");
}

std::string not_fitted(const std::string& reason) {
  return "  not fitted: " + with_flags(reason);
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
         tail(c.n_parameters, c.n_iter, c.converged || in_passes, c.start_name(), c.degenerate, c.reason);
}

bool in_passes(const nlohmann::ordered_json& file) {
  const auto engine = file.value("options", nlohmann::ordered_json::object()).value("engine", "");
  return std::ranges::any_of(engines(),
                             [&](const Engine* e) { return e->name() == engine && e->works_in_passes(); });
}

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostTypesListed = 4;  ///< of more, each candidate is a number in a table
constexpr std::size_t kColumnsOfTable = 9, kBestShown = 3;
constexpr double kTie = 1e-9;  ///< relative

bool is_sound(const Json& g, std::size_t i) {
  const bool excluded = g.at("degenerate_candidates") == "exclude" && g.at("degenerate").at(i) != 0;
  return g.at("fitted").at(i) != 0 && !excluded;
}

std::string started_from(const Json& g, std::size_t i) {
  return g.contains("started_from") ? g.at("started_from").at(i).get<std::string>() : "";
}

std::string cell(const Json& g, std::size_t i, const std::string& criterion) {
  if (g.at("fitted").at(i) == 0) return fmt::format("{:>11} ", "-");
  const char* mark = started_from(g, i).empty() ? " " : "+";
  if (g.at("degenerate").at(i) != 0) mark = "*";
  return fmt::format("{:>11.{}f}{}", g.at(criterion).at(i).get<double>(), criterion == "cv" ? 6 : 3, mark);
}

/// The criterion by type and number of components, some columns at a time.
std::string cells_text(const Json& g, const std::string& criterion) {
  std::vector<std::string> types;
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < g.at("n_components").size(); ++i) {
    const auto type = g.at("covariance_type").at(i).get<std::string>();
    const auto K = g.at("n_components").at(i).get<std::int64_t>();
    if (std::ranges::find(types, type) == types.end()) types.push_back(type);
    if (std::ranges::find(numbers, K) == numbers.end()) numbers.push_back(K);
  }
  std::string text;
  for (std::size_t first = 0; first < numbers.size(); first += kColumnsOfTable) {
    const std::size_t end = std::min(numbers.size(), first + kColumnsOfTable);
    text += fmt::format("{:<10}", criterion == "cv" ? "held out" : criterion);
    for (std::size_t c = first; c < end; ++c) text += fmt::format("{:>10}{:<2}", "K = ", numbers[c]);
    text += "\n";
    for (const std::string& type : types) {
      text += fmt::format("{:<10}", type);
      for (std::size_t c = first; c < end; ++c)
        for (std::size_t i = 0; i < g.at("n_components").size(); ++i)
          if (g.at("covariance_type").at(i) == type && g.at("n_components").at(i) == numbers[c])
            text += cell(g, i, criterion);
      text += "\n";
    }
  }
  text += "*: degenerate; -: not fitted";
  return text + (g.contains("started_from") ? "; +: started from another type's model\n" : "\n");
}

/// The best candidates and what the others lack.
std::string best_text(const Json& g, const std::string& criterion) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < g.at("n_components").size(); ++i)
    if (is_sound(g, i)) order.push_back(i);
  const double sign = criterion == "cv" ? -1.0 : 1.0;
  const auto value = [&](std::size_t i) { return sign * g.at(criterion).at(i).get<double>(); };
  std::ranges::stable_sort(order, {}, value);
  std::string names = fmt::format("{:<12}", "best"), values = fmt::format("{:<12}", criterion),
              differences = fmt::format("{:<12}", "difference");
  for (std::size_t n = 0; n < std::min(kBestShown, order.size()); ++n) {
    const std::size_t i = order[n];
    const double behind = value(i) - value(order[0]);
    const bool tie = n > 0 && behind <= kTie * std::abs(value(i));
    names += fmt::format("{:>16}", fmt::format("{}, K = {}", g.at("covariance_type").at(i).get<std::string>(),
                                               g.at("n_components").at(i).get<std::int64_t>()));
    values += fmt::format("{:>16.4f}", sign * value(i));
    differences += tie ? fmt::format("{:>16}", "a tie") : fmt::format("{:>16.4f}", sign * behind);
  }
  return names + "\n" + values + "\n" + differences + "\n";
}

std::string list_text(const Json& g, bool in_passes) {
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
                 started_from(g, i), integer("degenerate") != 0, reason);
    text += i == best ? "  <- best\n" : "\n";
  }
  return text;
}

std::size_t count_types(const Json& g) {
  std::set<std::string> types;
  for (const Json& type : g.at("covariance_type")) types.insert(type.get<std::string>());
  return types.size();
}

}  // namespace

std::string grid_text(const nlohmann::ordered_json& g, bool in_passes) {
  const bool cv = g.contains("cv");
  const auto criterion = g.at("criterion").get<std::string>();
  std::string text = count_types(g) > kMostTypesListed ? cells_text(g, criterion) + best_text(g, criterion)
                                                       : list_text(g, in_passes);
  text +=
      fmt::format("chosen by {} ({} is better){}\n", criterion, cv ? "higher" : "lower",
                  g.at("degenerate_candidates") == "exclude" ? "; degenerate candidates are left out" : "");
  return text;
}

}  // namespace gmmpi::app
