// Fields of /grid, and the digest of what a selection was asked for.
#include "io/grid_fields.hpp"

#include "io/fit_fields.hpp"

namespace gmmpi {

namespace {

/// What decides about the choice, besides the candidates.
std::vector<Field> choice_fields(const SelectOptions& o) {
  std::vector<Field> fields{
      {"grid", "criterion", criterion_name(o.criterion), true},
      {"grid", "degenerate_candidates", std::string(o.keep_degenerate ? "keep" : "exclude"), true}};
  if (o.criterion == Criterion::cv) fields.push_back({"grid", "folds", std::int64_t{o.n_folds}, true});
  if (o.shares()) fields.push_back({"grid", "share_starts", std::string("yes"), true});
  if (o.shares() && o.mix_starts) fields.push_back({"grid", "mix_starts", std::string("yes"), true});
  return fields;
}

template <class T>
Field column(const char* name, const std::vector<Candidate>& candidates, auto&& value) {
  Field::Array<T> values{{}, {std::ssize(candidates)}};
  for (const Candidate& c : candidates) values.values.push_back(static_cast<T>(value(c)));
  return {"grid", name, std::move(values), true};
}

}  // namespace

std::string selection_digest(const SelectOptions& options, const DataSummary& data) {
  std::vector<Field> fields = choice_fields(options);
  for (std::size_t i = 0; i < options.n_candidates(); ++i)
    fields.push_back({"candidates", std::to_string(i), request_digest(options.candidate(i), data), true});
  return digest(std::move(fields));
}

std::vector<Field> grid_fields(const ModelRecord::Grid& grid, const DataSummary& data) {
  const std::vector<Candidate>& all = grid.candidates;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto number = [&](const char* name, double Score::*member) {
    return column<double>(name, all, [=](const Candidate& c) { return c.fitted ? c.score.*member : nan; });
  };
  std::vector<Field> fields = choice_fields(grid.options);
  fields.push_back({"grid", "best", static_cast<std::int64_t>(grid.best), true});
  fields.push_back(
      column<std::string>("covariance_type", all, [](const Candidate& c) { return c.kind().name(); }));
  fields.push_back(
      column<std::int64_t>("n_components", all, [](const Candidate& c) { return c.n_components; }));
  fields.push_back(number("log_likelihood", &Score::log_likelihood));
  fields.push_back(
      column<std::int64_t>("n_parameters", all, [](const Candidate& c) { return c.n_parameters; }));
  fields.push_back(number("aic", &Score::aic));
  fields.push_back(number("bic", &Score::bic));
  fields.push_back(number("icl", &Score::icl));
  if (grid.options.criterion == Criterion::cv) {
    fields.push_back(column<double>("cv", all, [](const Candidate& c) { return c.held_out.mean; }));
    fields.push_back(column<double>("cv_standard_error", all,
                                    [](const Candidate& c) { return c.held_out.standard_error; }));
  }
  fields.push_back(column<std::int64_t>("n_iter", all, [](const Candidate& c) { return c.n_iter; }));
  fields.push_back(column<std::int64_t>("converged", all, [](const Candidate& c) { return c.converged; }));
  fields.push_back(column<std::int64_t>("fitted", all, [](const Candidate& c) { return c.fitted; }));
  fields.push_back(column<std::int64_t>("degenerate", all, [](const Candidate& c) { return c.degenerate; }));
  fields.push_back(column<std::string>("reason", all, [](const Candidate& c) { return c.reason; }));
  fields.push_back(column<std::int64_t>("seed", all, [](const Candidate& c) { return c.seed; }));
  if (grid.options.shares())
    fields.push_back(
        column<std::string>("started_from", all, [](const Candidate& c) { return c.start_name(); }));
  const std::string grid_digest = digest(fields);
  fields.push_back({"grid", "digest", grid_digest, false});
  fields.push_back({"grid", "request", selection_digest(grid.options, data), false});
  return fields;
}

}  // namespace gmmpi
