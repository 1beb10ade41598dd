// gmmpi select: a grid of fits, and the best of them as a model file.
#include <fmt/format.h>

#include <set>

#include <nlohmann/json.hpp>

#include "app/checkpointing.hpp"
#include "app/column_doubts.hpp"
#include "app/commands.hpp"
#include "app/fitting.hpp"
#include "app/grid_table.hpp"
#include "app/inputs.hpp"
#include "app/option_flags.hpp"
#include "app/preparing.hpp"
#include "app/rank_groups.hpp"
#include "app/run_log.hpp"
#include "app/say.hpp"
#include "app/select_options.hpp"
#include "app/select_run.hpp"
#include "app/stopping.hpp"
#include "app/support.hpp"
#include "app/timing.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/select.hpp"
#include "gmmpi/io/model_file.hpp"
#include "io/describe.hpp"

namespace gmmpi::app {

namespace {

constexpr Index kMostGridValues = 1'000'000;
void print_result(const Options& options, const std::string& output, bool before) {
  const nlohmann::ordered_json file = describe_hdf5(output, kMostGridValues);
  const auto &model = file.at("model"), &grid = file.at("grid");
  if (options.flag("json")) {
    nlohmann::ordered_json json{{"output", output}};
    const bool gaussian = model.contains("covariance_type");
    json["covariance_type"] = model.at(gaussian ? "covariance_type" : "family");
    for (const char* name : {"n_components", "log_likelihood", "aic", "bic", "icl", "converged", "digest"})
      json[name] = model.at(name);
    if (before) json["complete_already"] = true;
    json["grid"] = grid;
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("{}", grid_text(grid, in_passes(file)));
  say("digest {}\n", model.at("digest").get<std::string>());
  say("written to {}; next: gmmpi info {}, or gmmpi plot criteria {} -o criteria.png\n", output, output,
      output);
}

/// The model of the best candidate, and the grid; then the checkpoints of `parts` may go. Collective over the
/// group. Returns the digest on its root.
std::string write_selection(const Execution& world, const Options& options, const SelectOptions& wanted,
                            const OpenedData& inputs, const DataSummary& summary, Checkpointing& checkpoints,
                            const std::set<std::string>& parts, Selection selection, const RunLog& log) {
  const Candidate& best = selection.candidates[selection.best];
  ModelRecord record;
  record.options = selection.options;
  record.data = summary;
  record.feature_names = inputs.feature_names;
  record.score = best.score;
  record.result = std::move(selection.result);
  for (Candidate& c : selection.candidates) c.reason = with_flags(c.reason);
  record.grid = {wanted, std::move(selection.candidates), selection.best};
  record.resolved_options = resolved_options(options, selection.options);
  record.runtime = runtime_facts(world, log.seconds());
  std::string digest;
  checkpoints.put_output([&] { digest = write_model(options.text("output"), record); },
                         {parts.begin(), parts.end()});
  return digest;
}

/// True if the output is there. What a run has left that was killed after that is removed.
bool complete_already(const Execution& world, const Options& options, const SelectOptions& wanted,
                      const Data& data, const DataSummary& summary, Checkpointing& checkpoints, RunLog& log) {
  const auto is_this = [&](const ExistingModel& m) {
    return m.selection == selection_digest(wanted, summary);
  };
  const auto show = [&](const ExistingModel&) { print_result(options, options.text("output"), true); };
  if (!already_done(world, options, "selection", is_this, show, log)) return false;
  for (std::size_t i = 0; i < wanted.n_candidates(); ++i) {
    std::vector<std::string> parts = part_names(wanted, i);
    std::ranges::move(further_part_names(wanted, i), std::back_inserter(parts));
    checkpoints.drop_leftovers(wanted.candidate(i), data.summary(), parts);
  }
  return true;
}

/// From read data to the output. `summary`: of the rows as they are in the file.
void run_selection(const Execution& world, const RankGroups& groups, const Options& options,
                   const SelectOptions& wanted, const OpenedData& inputs, const Data& data,
                   const DataSummary& summary, Checkpointing& checkpoints, StopRequest& stop, RunLog& log) {
  const std::string output = options.text("output");
  const double read_seconds = log.seconds();
  if (complete_already(world, options, wanted, data, summary, checkpoints, log)) return;
  SelectRun run(world, groups, wanted, data, checkpoints, stop, log);
  std::string digest;
  run.run([&](Selection selection) {
    digest = write_selection(world, options, wanted, inputs, summary, checkpoints, run.parts(),
                             std::move(selection), log);
  });
  report_timing(world.comm, *world.profile, {log.seconds(), read_seconds, checkpoints.seconds()}, log);
  log.event("end", {{"output", output}, {"digest", digest}, {"total_seconds", log.seconds()}});
  world.comm.together([&] {
    if (world.comm.is_root()) print_result(options, output, false);
  });
}

/// Of the models of one number of components, which are held together: covariances and factors.
std::int64_t cohort_bytes(const SelectOptions& wanted, int n_columns) {
  const int K = *std::ranges::max_element(wanted.n_components);
  std::int64_t bytes = 0;
  for (const CovarianceStructure* structure : wanted.structures)
    bytes +=
        2 * 8 * std::int64_t{structure->layout().n_covariances(K)} * structure->layout().stride(n_columns);
  return bytes;
}

/// Of the candidate that needs most, and the others beside it. `execution`: of a group.
std::int64_t most_working_bytes(const Execution& execution, const SelectOptions& wanted,
                                const OpenedData& inputs) {
  std::int64_t most = 0;
  for (std::size_t i = 0; i < wanted.n_candidates(); ++i)
    most = std::max(most, working_bytes(execution, wanted.candidate(i), inputs));
  most += cohort_bytes(wanted, inputs.rows->n_columns());
  if (wanted.criterion != Criterion::cv) return most;
  const Index rows = BlockGrid(inputs.rows->n_rows()).first_row_of_rank(1, execution.comm.size());
  return most + 2 * 8 * rows;  // the weights of a fold's two parts
}

Index n_fits(const SelectOptions& wanted) {
  return static_cast<Index>(wanted.n_candidates() * part_names(wanted, 0).size());
}

/// Collective over the group. Component k is class k, whatever the number of components.
void read_labels(const Execution& execution, const OpenedData& inputs, const Data& data,
                 SelectOptions& wanted, RunLog& log) {
  for (const int K : wanted.n_components)
    if (inputs.labels) wanted.labels[K] = std::make_shared<RowLabels>(execution, data, *inputs.labels, K);
  if (!inputs.init_labels) return;
  wanted.init_labels =
      std::make_shared<RowLabels>(execution, data, *inputs.init_labels, RowLabels::kAnyClasses);
  log.line(fmt::format("init labels: {} of {} rows have one; candidates of K = {} start from them",
                       wanted.init_labels->n_known(), data.summary().n_rows,
                       wanted.init_labels->n_classes()));
}

void announce(const Execution& execution, const RankGroups& groups, const SelectOptions& wanted,
              const OpenedData& data, const MemoryPlan& plan, RunLog& log) {
  std::string types;
  for (const CovarianceStructure* structure : wanted.structures)
    types += (types.empty() ? "" : ", ") + std::string(Kind(*structure, *wanted.fit.component).name());
  const std::string criterion = criterion_name(wanted.criterion);
  log.line(fmt::format("gmmpi {}: select {}{}", GMMPI_VERSION, data.rows->describe(),
                       std::string(data.weights ? ", weighted" : "") + (data.labels ? ", labelled" : "")));
  log.line(fmt::format("candidates: {} ({}; K {}) by {}{}; {} each, tol {:g}, seed {}", wanted.n_candidates(),
                       types, fmt::join(wanted.n_components, " "), criterion,
                       wanted.criterion == Criterion::cv ? fmt::format(" of {} folds", wanted.n_folds) : "",
                       count_text(wanted.fit.n_init, "start"), wanted.fit.tol, wanted.fit.seed));
  log.line(fmt::format("run: {} x {}{}; per rank {} of data and up to {} to work on",
                       count_text(execution.comm.size(), "rank"), count_text(execution.n_threads, "thread"),
                       groups.count == 1 ? "" : fmt::format(" in {} groups", groups.count),
                       bytes_text(static_cast<double>(plan.data_bytes)),
                       bytes_text(static_cast<double>(plan.working_bytes))));
  log.line("rows: " + plan.text());
  warn_of_machine(execution, log);
}

}  // namespace

void select_command(const Execution& given, const Options& options, StopRequest& stop) {
  Profile profile;
  Execution execution = given;
  execution.profile = &profile;
  given.comm.together([&] { execution.comm = with_watchdog(given.comm, options, stop); });
  const Communicator& comm = execution.comm;
  SelectOptions wanted;
  bool transforms = false;
  comm.together([&] {
    stop_on_time(stop, options);
    wanted = select_options(options);
    transforms = asks_for_transform(options);
  });
  RunLog log(comm, wanted.fit);
  OpenedData inputs = open_inputs(execution, options);
  if (options.has("log-json")) check_log(execution, options, options.text("log-json"));
  check_output(execution, options, options.text("output"), true);  // what exists is looked at below
  std::optional<Prepared> prepared;
  if (transforms && !options.flag("dry-run")) {
    prepared = before_computing([&] { return prepare(execution, options, inputs); });
    wanted.fit.transform = prepared->transform;
  }
  leave_out_equal_types(options, inputs.rows->n_columns(), wanted);
  int n_groups = 1;
  comm.together([&] {
    n_groups = count_groups(options, comm, execution.n_threads,
                            inputs.rows->n_rows() * inputs.rows->n_columns(), n_fits(wanted));
  });
  const RankGroups groups = make_groups(comm, n_groups);
  Execution in_group = execution;
  in_group.comm = groups.comm;
  MemoryPlan plan;
  comm.together(
      [&] { plan = plan_memory(in_group, options, inputs, most_working_bytes(in_group, wanted, inputs)); });
  announce(execution, groups, wanted, inputs, plan, log);
  if (prepared) log.line("transform: " + prepared->text);
  if (options.flag("dry-run")) {
    log.line("dry run: no rows were read, no model was written");
    return;
  }
  check_memory(execution, inputs, plan);
  if (options.has("log-json")) log.open_json(comm, options.text("log-json"));
  log.event("start", {{"version", GMMPI_VERSION},
                      {"data", inputs.rows->name()},
                      {"n_samples", inputs.rows->n_rows()},
                      {"n_features", inputs.rows->n_columns()},
                      {"n_candidates", wanted.n_candidates()},
                      {"criterion", criterion_name(wanted.criterion)},
                      {"ranks", comm.size()},
                      {"groups", groups.count},
                      {"threads", execution.n_threads}});
  try {
    Checkpointing checkpoints(comm, groups.comm, options, stop, log);
    std::unique_ptr<Data> data;
    comm.together([&] {
      data = read_or_stop(in_group, inputs, plan, log);
      read_labels(in_group, inputs, *data, wanted, log);
    });
    if (const std::string text = warning_of_weights(inputs, data->summary()); !text.empty())
      log.warning(text);
    comm.together([&] {
      for (const std::string& doubt : {constant_doubt(data->summary(), *inputs.rows),
                                       scale_doubt(in_group, *data, *inputs.rows, wanted.fit)})
        if (!doubt.empty()) log.warning(doubt);
    });
    DataSummary summary = data->summary();
    if (prepared) summary.fingerprint = prepared->fingerprint;
    run_selection(execution, groups, options, wanted, inputs, *data, summary, checkpoints, stop, log);
  } catch (const Error& e) {
    if (e.code() == ExitCode::stopped_early) log.event("stop", {{"reason", e.what()}});
    throw;
  }
}

}  // namespace gmmpi::app
