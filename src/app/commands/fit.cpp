// gmmpi fit: from options and data to a model file.
#include <fmt/format.h>

#include "app/checkpointing.hpp"
#include "app/column_doubts.hpp"
#include "app/commands.hpp"
#include "app/dry_run.hpp"
#include "app/fit_warnings.hpp"
#include "app/fitting.hpp"
#include "app/inputs.hpp"
#include "app/observers.hpp"
#include "app/preparing.hpp"
#include "app/run_log.hpp"
#include "app/say.hpp"
#include "app/stopping.hpp"
#include "app/support.hpp"
#include "app/timing.hpp"
#include "gmmpi/em/fit.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/model/transformed_mixture.hpp"
#include "kernels/table.hpp"

namespace gmmpi::app {

namespace {

/// Collective. The start model, in the coordinates of the transformed rows. `units` says in which it was
/// read.
Mixture read_start(const Execution& execution, const FitOptions& f, std::string& units) {
  StoredModel stored = read_stored_model(execution, f.start_name);
  stored.mixture.log_volume = 0.0;
  stored.mixture.log_scales.clear();
  units = "in the transformed columns that it was fitted to, which are the same";
  if (stored.transform == f.transform) return stored.mixture;
  units = "in the units of the data, transformed with them";
  Mixture start = in_data_units(execution, stored, f.start_name);
  if (f.transform.empty()) return start;
  execution.comm.together([&] {
    if (start.n_features != f.transform.n_inputs() || !start.component->has_covariances())
      throw Error(ExitCode::bad_data,
                  fmt::format("{}: is no Gaussian mixture of the {} of the data; give another start",
                              f.start_name, count_text(f.transform.n_inputs(), "column")));
    start = mixture_after(start, f.transform, *execution.kernels);
  });
  return start;
}

/// Fewer than two rows for each component, or no more numbers than parameters: the model can follow every
/// row.
void warn_of_size(const FitOptions& f, const OpenedData& data, RunLog& log) {
  const Index n_rows = data.rows->n_rows(), n_numbers = n_rows * data.rows->n_columns();
  const Index n_free = f.fixed.n_free(model_shape(f, data.rows->n_columns()));
  if (2 * Index{f.n_components} <= n_rows && n_free < n_numbers) return;
  log.warning(
      fmt::format("{} and {} for {} of {}: so large a model follows single rows; give a smaller -k, or a "
                  "simpler --covariance-type",
                  count_text(f.n_components, "component"), count_text(n_free, "parameter"),
                  count_text(n_rows, "row"), count_text(data.rows->n_columns(), "column")));
}

void announce(const Execution& execution, const FitOptions& f, const OpenedData& data, const MemoryPlan& plan,
              RunLog& log) {
  const int n_ranks = execution.comm.size(), d = data.rows->n_columns();
  const Mixture shape = model_shape(f, d);
  const auto data_bytes = static_cast<double>(plan.data_bytes);
  const auto work_bytes = static_cast<double>(plan.working_bytes);
  log.line(fmt::format("gmmpi {}: fit {}{}", GMMPI_VERSION, data.rows->describe(),
                       std::string(data.weights ? ", weighted" : "") + (data.labels ? ", labelled" : "")));
  const bool has_covariances = f.component->has_covariances(), plain = has_covariances && shape.own.empty();
  log.line(fmt::format(
      "model: {}{} ({} parameters); tol {:g}, at most {} iterations{}, {}, seed {}",
      count_text(f.n_components, std::string(f.component->title()) + (plain ? "" : " component")),
      has_covariances ? fmt::format(", {} {}", f.structure->name(), f.component->matrices_name()) : "",
      f.fixed.n_free(shape), f.tol, f.max_iter,
      (f.accelerate != Acceleration::none ? " (accelerated)"
       : f.engine == &default_engine()    ? ""
                                          : fmt::format(" (engine {})", f.engine->name())) +
          (f.noise ? ", with " + f.noise->kind + " noise" : "") + (f.prior ? ", with a prior" : "") +
          (f.fixed.any() ? ", some of them fixed" : ""),
      count_text(f.n_init, "start") +
          (f.short_runs > 0 ? fmt::format(" of {}", count_text(f.short_runs, "iteration")) : ""),
      f.seed));
  log.line(fmt::format("run: {} x {}, {} kernels; per rank {} of data and up to {} to work on",
                       count_text(n_ranks, "rank"), count_text(execution.n_threads, "thread"),
                       execution.kernels->name, bytes_text(data_bytes), bytes_text(work_bytes)));
  log.line("rows: " + plan.text());
  warn_of_machine(execution, log);
  warn_of_size(f, data, log);
}

void log_start(const Execution& execution, const Options& options, const FitOptions& f,
               const OpenedData& data, const MemoryPlan& plan, RunLog& log) {
  const int n_ranks = execution.comm.size(), d = data.rows->n_columns();
  log.event("start", {{"version", GMMPI_VERSION},
                      {"data", data.rows->name()},
                      {"n_samples", data.rows->n_rows()},
                      {"n_features", d},
                      {"n_components", f.n_components},
                      {f.component->has_covariances() ? "covariance_type" : "family", f.kind().name()},
                      {"n_parameters", f.fixed.n_free(model_shape(f, d))},
                      {"tol", f.tol},
                      {"max_iter", f.max_iter},
                      {"engine", f.engine->name()},
                      {"accelerate", f.accelerate == Acceleration::none ? "none" : "lbfgs"},
                      {"trace", options.text("trace")},
                      {"n_init", f.n_init},
                      {"seed", f.seed},
                      {"ranks", n_ranks},
                      {"threads", execution.n_threads},
                      {"simd", execution.kernels->name},
                      {"data_bytes_per_rank", static_cast<double>(plan.data_bytes)},
                      {"working_bytes_per_rank", static_cast<double>(plan.working_bytes)},
                      {"streamed", plan.streamed()},
                      {"buffers", plan.stream.n_buffers}});
}

void print_existing(const Options& options, const ExistingModel& existing, const std::string& output) {
  if (options.flag("json"))
    say("{}\n", nlohmann::ordered_json{{"output", output},
                                       {"converged", existing.converged},
                                       {"n_iter", existing.n_iter},
                                       {"log_likelihood", existing.log_likelihood},
                                       {"digest", existing.digest},
                                       {"complete_already", true}}
                    .dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  else
    say("{} holds this fit: log-likelihood {:.10g}, digest {}\n", output, existing.log_likelihood,
        existing.digest);
}

/// What the engine's own traces end with, but for log-likelihoods, which lag behind that of the model.
std::vector<std::pair<std::string, double>> other_objectives(const ModelRecord& r) {
  std::vector<std::pair<std::string, double>> all;
  for (const TraceKind& kind : r.options.engine->traces())
    if (!kind.is_log_likelihood) all.emplace_back(kind.name, r.result.traces[kind.name].back());
  return all;
}

void print_result(const Options& options, const ModelRecord& r, const std::string& output,
                  const std::string& digest) {
  const FitResult& fit = r.result;
  if (options.flag("json")) {
    nlohmann::ordered_json json{{"output", output},
                                {"converged", fit.converged},
                                {"n_iter", fit.n_iter},
                                {"log_likelihood", fit.log_likelihood()},
                                {"lower_bound", r.score.mean_log_likelihood},
                                {"aic", r.score.aic},
                                {"bic", r.score.bic},
                                {"icl", r.score.icl},
                                {"n_reseeds", fit.reseeds.size()},
                                {"n_recentred", fit.n_recentred},
                                {"n_sweeps", fit.n_sweeps},
                                {"n_rejected", fit.n_rejected},
                                {"best_restart", fit.best_restart},
                                {"digest", digest}};
    for (const auto& [name, value] : other_objectives(r)) json[name] = value;
    if (r.options.prior) json["log_posterior"] = fit.traces["log_posterior"].back();
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("{} after {}{}{}\n", fit.converged ? "converged" : "stopped", count_text(fit.n_iter, "iteration"),
      r.options.n_init > 1
          ? fmt::format(" (best of {}: restart {})", count_text(r.options.n_init, "start"), fit.best_restart)
          : "",
      r.options.accelerate != Acceleration::none
          ? fmt::format("; {} in all, {} rejected", count_text(fit.n_sweeps, "sweep"),
                        count_text(fit.n_rejected, "extrapolation"))
          : "");
  for (const auto& [name, value] : other_objectives(r)) say("{} {:.10g}\n", name, value);
  say("log-likelihood {:.10g} (mean per row {:.8g})\n", fit.log_likelihood(), r.score.mean_log_likelihood);
  if (r.options.prior) say("log posterior {:.10g} (up to a constant)\n", fit.traces["log_posterior"].back());
  say("AIC {:.10g}   BIC {:.10g}   ICL {:.10g}   (lower is better)\n", r.score.aic, r.score.bic, r.score.icl);
  say("digest {}\n", digest);
  say("written to {}; next: gmmpi info {}, or gmmpi predict {} {}{} -o labels.h5\n", output, output,
      options.arguments.at("DATA"), output, how_rows_are_taken(options));
}

/// Collective.
void warn_of_columns(const Execution& execution, const FitOptions& f, const OpenedData& inputs,
                     const Data& data, RunLog& log) {
  for (const std::string& doubt :
       {constant_doubt(data.summary(), *inputs.rows), scale_doubt(execution, data, *inputs.rows, f)})
    if (!doubt.empty()) log.warning(doubt);
}

/// Error 64 if labels name more classes than there are components.
void check_classes(const OpenedData& inputs, int n_components) {
  const std::vector<std::string>& names = inputs.class_names;
  if (std::ssize(names) > n_components)
    throw Error(ExitCode::usage, fmt::format("{}: {} classes for -k {}; give -k {}", inputs.labels->name(),
                                             names.size(), n_components, names.size()));
}

/// Resumes or starts, fits, and writes the model. Error 75 tells where the checkpoint is.
void run_fit(const Execution& execution, const Options& options, const FitOptions& f,
             const OpenedData& inputs, const Data& data, const DataSummary& summary,
             Checkpointing& checkpoints, const std::string& output, RunLog& log) {
  const Communicator& comm = execution.comm;
  const double read_seconds = log.seconds();
  CheckpointedFit kept(checkpoints, f, summary);
  Observers observers{&kept, &log};
  ModelRecord record;
  record.options = f;
  record.data = summary;
  record.feature_names = inputs.feature_names;
  record.class_names = inputs.class_names;
  log.add_to_log_likelihoods(log_likelihood_offset(execution, f, summary));
  record.result = kept.run([&](const FitState* resume) {
    FitResult result = fit(execution, data, f, observers, resume);
    to_units_of_the_file(execution, f, summary, result);
    record.score = score_of_fit(execution, data, result, {f.labels.get(), f.fixed.n_free(result.model)});
    return result;
  });
  warn_of_covariances(record.result, f, summary.total_weight, inputs.feature_names, log);
  record.resolved_options = resolved_options(options, f);
  record.runtime = runtime_facts(execution, log.seconds());

  std::string digest;
  checkpoints.put_output([&] { digest = write_model(output, record); });
  const double total = log.seconds();
  report_timing(comm, *execution.profile, {total, read_seconds, checkpoints.seconds()}, log);
  log.event("end", {{"converged", record.result.converged},
                    {"n_iter", record.result.n_iter},
                    {"n_sweeps", record.result.n_sweeps},
                    {"n_rejected", record.result.n_rejected},
                    {"log_likelihood", record.result.log_likelihood()},
                    {"aic", record.score.aic},
                    {"bic", record.score.bic},
                    {"icl", record.score.icl},
                    {"digest", digest},
                    {"output", output},
                    {"total_seconds", total},
                    {"read_seconds", read_seconds},
                    {"checkpoints", checkpoints.n_written()},
                    {"checkpoint_seconds", checkpoints.seconds()}});
  if (comm.is_root()) print_result(options, record, output, digest);
}

}  // namespace

void fit_command(const Execution& given, const Options& options, StopRequest& stop) {
  Profile profile;
  Execution execution = given;
  execution.profile = &profile;
  given.comm.together([&] { execution.comm = with_watchdog(given.comm, options, stop); });
  const Communicator& comm = execution.comm;
  const std::string output = options.text("output");
  FitOptions f;
  bool transforms = false;
  comm.together([&] {
    stop_on_time(stop, options);
    f = fit_options(options);
    transforms = asks_for_transform(options);
  });
  RunLog log(comm, f);
  OpenedData inputs = open_inputs(execution, options);
  if (options.has("log-json")) check_log(execution, options, options.text("log-json"));
  check_output(execution, options, output, true);  // what exists is looked at below
  std::optional<Prepared> prepared;
  const bool dry = options.flag("dry-run");
  if (transforms && !dry) {
    prepared = before_computing([&] { return prepare(execution, options, inputs); });
    f.transform = prepared->transform;
  }
  if (f.init == Init::model && transforms && dry)
    f.init = Init::kmeans;  // where the start lies is known only after a pass over the rows
  std::string units_of_start;
  if (f.init == Init::model) f.start = read_start(execution, f, units_of_start);
  const MemoryPlan plan = plan_memory(execution, options, inputs, working_bytes(execution, f, inputs));
  announce(execution, f, inputs, plan, log);
  if (prepared) log.line("transform: " + prepared->text);
  if (prepared && f.start) log.line(fmt::format("start: {} is read {}", f.start_name, units_of_start));
  if (dry) {
    dry_run(execution, options, f, inputs, plan, log);
    return;
  }
  check_memory(execution, inputs, plan);
  if (options.has("log-json")) log.open_json(comm, options.text("log-json"));
  log_start(execution, options, f, inputs, plan, log);
  try {
    Checkpointing checkpoints(comm, comm, options, stop, log);
    const std::unique_ptr<Data> rows = read_or_stop(execution, inputs, plan, log);
    const Data& data = *rows;
    if (const std::string text = warning_of_weights(inputs, data.summary()); !text.empty()) log.warning(text);
    warn_of_columns(execution, f, inputs, data, log);
    if (inputs.labels) {
      check_classes(inputs, f.n_components);
      f.labels = std::make_shared<RowLabels>(execution, data, *inputs.labels, f.n_components);
      log.line(fmt::format("labels: {} of {} rows are known", f.labels->n_known(), data.summary().n_rows));
    }
    if (inputs.init_labels)
      f.init_labels = std::make_shared<RowLabels>(execution, data, *inputs.init_labels, f.n_components);
    validate_fit(execution, data, f, options.arguments.at("DATA"));
    DataSummary summary = data.summary();
    if (prepared) summary.fingerprint = prepared->fingerprint;
    const auto is_this = [&](const ExistingModel& m) { return m.request == request_digest(f, summary); };
    const auto show = [&](const ExistingModel& m) { print_existing(options, m, output); };
    if (already_done(execution, options, "fit", is_this, show, log)) {
      checkpoints.drop_leftovers(f, summary);
    } else {
      run_fit(execution, options, f, inputs, data, summary, checkpoints, output, log);
    }
  } catch (const Error& e) {
    if (e.code() == ExitCode::stopped_early) log.event("stop", {{"reason", e.what()}});
    throw;
  }
}

}  // namespace gmmpi::app
