// The state of a fit as fields, there and back.
#include "io/state_fields.hpp"

#include <cstdint>

#include "io/fit_fields.hpp"

namespace gmmpi {

namespace {

using Rows = std::vector<std::vector<double>>;

void add_path(Path& path, const FitOptions& options, const std::string& group,
              std::vector<StateField>& fields) {
  fields.push_back({group, std::string(kLogLikelihood), &path.history});
  for (const TraceKind& kind : trace_kinds(options))
    fields.push_back({group, std::string(kind.name), &path.traces[kind.name]});
  fields.push_back({group, "seconds", &path.seconds});
  fields.push_back({group, "n_iter", &path.n_iter});
  fields.push_back({group, "converged", &path.converged});
}

void add_effort(Effort& effort, const std::string& group, std::vector<StateField>& fields) {
  fields.push_back({group, "reseeds", &effort.reseeds});
  fields.push_back({group, "n_recentred", &effort.n_recentred});
  fields.push_back({group, "n_rejected", &effort.n_rejected});
  fields.push_back({group, "n_sweeps", &effort.n_sweeps});
}

/// As it is written.
struct Stored {
  Field::Value operator()(const bool* value) const { return std::int64_t{*value}; }
  Field::Value operator()(const int* value) const { return std::int64_t{*value}; }
  Field::Value operator()(const std::int64_t* value) const { return *value; }
  Field::Value operator()(const double* value) const { return *value; }
  Field::Value operator()(const std::vector<double>* values) const {
    return Doubles{*values, {std::ssize(*values)}};
  }
  Field::Value operator()(const Rows* rows) const {
    Doubles all{{}, {std::ssize(*rows), rows->empty() ? 0 : std::ssize(rows->front())}};
    for (const std::vector<double>& row : *rows) all.values.insert(all.values.end(), row.begin(), row.end());
    return all;
  }
  Field::Value operator()(const std::vector<Reseed>* reseeds) const { return reseed_table(*reseeds); }
  Field::Value operator()(const FitPhase* value) const { return static_cast<std::int64_t>(*value); }
  Field::Value operator()(const Mixture*) const { return std::int64_t{}; }  // see stored_fields
};

/// Into its place.
struct Read {
  hid_t group;
  const std::string& name;

  void operator()(bool* value) const { *value = h5::read_attribute<std::int64_t>(group, name) != 0; }
  void operator()(int* value) const {
    *value = static_cast<int>(h5::read_attribute<std::int64_t>(group, name));
  }
  void operator()(std::int64_t* value) const { *value = h5::read_attribute<std::int64_t>(group, name); }
  void operator()(double* value) const { *value = h5::read_attribute<double>(group, name); }
  void operator()(std::vector<double>* values) const { *values = h5::read_dataset<double>(group, name); }
  void operator()(Rows* rows) const {
    std::vector<Index> dims;
    const std::vector<double> values = h5::read_dataset<double>(group, name, &dims);
    rows->clear();
    for (auto row = values.begin(); row != values.end(); row += dims[1])
      rows->emplace_back(row, row + dims[1]);
  }
  void operator()(std::vector<Reseed>* reseeds) const {
    *reseeds = reseeds_of_table(h5::read_dataset<std::int64_t>(group, name));
  }
  void operator()(FitPhase* value) const {
    *value = static_cast<FitPhase>(h5::read_attribute<std::int64_t>(group, name));
  }
  void operator()(Mixture*) const {}  // see read_state_fields
};

}  // namespace

std::vector<StateField> state_fields(FitState& s, const FitOptions& options) {
  const std::string state = "state", best = "best";
  std::vector<StateField> fields{{state, "restart", &s.restart},
                                 {state, "phase", &s.phase},
                                 {state, "centers", &s.centers},
                                 {state, "seeding_rounds", &s.seeding_rounds},
                                 {state, "lloyd_iterations", &s.lloyd_iterations},
                                 {state, "just_reseeded", &s.just_reseeded},
                                 {"model", "", &s.model},
                                 {best, "restart_log_likelihood", &s.best.restart_log_likelihoods},
                                 {best, "best_restart", &s.best.best_restart},
                                 {best, "", &s.best.model}};
  add_path(s, options, state, fields);
  add_effort(s, state, fields);
  add_path(s.best, options, best, fields);
  add_effort(s.best, best, fields);
  return fields;
}

std::vector<Field> stored_fields(const std::vector<StateField>& fields) {
  std::vector<Field> stored;
  for (const StateField& field : fields) {
    if (auto* const model = std::get_if<Mixture*>(&field.place)) {
      if ((*model)->weights.empty()) continue;
      for (Field& parameter : parameter_fields(**model, field.group)) stored.push_back(std::move(parameter));
    } else {
      stored.push_back({field.group, field.name, std::visit(Stored(), field.place), false});
    }
  }
  return stored;
}

void read_state_fields(hid_t file, const std::string& name, const std::vector<StateField>& fields) {
  for (const StateField& field : fields) {
    if (auto* const model = std::get_if<Mixture*>(&field.place)) {
      **model = Mixture();
      if (h5::exists(file, "/" + field.group + "/weights"))
        **model = read_parameters(h5::open_group(file, "/" + field.group), name);
    } else {
      const h5::Handle group = h5::open_group(file, "/" + field.group);
      std::visit(Read{group, field.name}, field.place);
    }
  }
}

}  // namespace gmmpi
