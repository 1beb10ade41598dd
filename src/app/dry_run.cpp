// dry_run: a trial fit on some of the rows, and what follows from it.
#include "app/dry_run.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "app/option_flags.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "data/relative_weights.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/io/checkpoint.hpp"
#include "gmmpi/io/checkpoint_store.hpp"
#include "parallel/binding.hpp"

namespace gmmpi::app {

namespace {

constexpr int kTrialIterations = 3;
/// Multiplications of one thread and sweep: some tenths of a second.
constexpr double kTrialWork = 3e8, kMostTrialWork = 3e10;
constexpr Index kLeastTrialRows = 4096, kMostTrialRows = Index{1} << 18;
constexpr int kMostRanksShown = 16;

/// The first rows of a table.
class FirstRows final : public DataReader {
 public:
  FirstRows(DataReader& all, Index n_rows) : all_(all) {
    n_rows_ = n_rows;
    n_columns_ = all.n_columns();
    element_ = all.element();
    storage_ = all.storage();
    name_ = all.name();
  }
  void read(Index first, Index count, double* out) override { all_.read(first, count, out); }
  void read(Index first, Index count, float* out) override { all_.read(first, count, out); }

 private:
  DataReader& all_;
};

/// Keeps what a checkpoint would hold.
class LastState final : public FitObserver {
 public:
  FitState state;
  void safe_point(const FitState& s) override { state = s; }
};

struct Trial {
  Index n_rows = 0;
  double iteration_seconds = 0.0;
  std::int64_t checkpoint_bytes = 0;
  std::string failure;  ///< why there was none; the rest is 0 then
};

/// Rows for a trial, as many as keep all threads busy for a moment; 0 if even the fewest take too long.
Index trial_rows(const Execution& execution, const FitOptions& f, const DataReader& rows) {
  const double d = rows.n_columns();
  const double row_work = f.n_components * (d * d + 16.0);
  const double threads = execution.comm.size() * static_cast<double>(execution.n_threads);
  const Index least = std::max<Index>(kLeastTrialRows, Index{4} * f.n_components);
  if (static_cast<double>(std::min(least, rows.n_rows())) * row_work > kMostTrialWork * threads) return 0;
  const auto wished = static_cast<Index>(threads * std::min(kTrialWork / row_work, double(kMostTrialRows)));
  return std::min(std::max(wished, least), rows.n_rows());
}

/// Seconds of an iteration on all rows: what depends on rows grows with them, reduction and M-step do not.
double iteration_seconds(const Communicator& comm, const Profile::Seconds& s, std::int64_t n_sweeps,
                         double row_ratio) {
  const double of_rows =
      s[Profile::e_step] + s[Profile::accumulation] + s[Profile::exact_sums] + s[Profile::idle];
  double seconds = (of_rows * row_ratio + s[Profile::reduction] + s[Profile::m_step]) / double(n_sweeps);
  comm.max(std::span(&seconds, 1));
  return seconds;
}

std::int64_t checkpoint_bytes(const FitOptions& f, const FitState& state, const DataSummary& data) {
  const auto model = std::ssize(encode_checkpoint(state, f, data));
  const std::int64_t history = 16 * std::int64_t{f.max_iter};
  // Ten steps, ten decreases, two steps on the way, and the model to fall back on.
  const std::int64_t acceleration =
      f.accelerate == Acceleration::none ? 0 : 23 * 8 * state.model.n_parameters();
  return (model + history) * (f.n_init > 1 ? 2 : 1) +
         acceleration;  // the best restart besides the present one
}

/// Collective.
Trial make_trial(const Execution& given, const FitOptions& f, const OpenedData& inputs,
                 const MemoryPlan& plan) {
  Trial trial;
  const Index n_rows = trial_rows(given, f, *inputs.rows);
  if (n_rows == 0) {
    trial.failure = "a single iteration takes long even on a few rows";
    return trial;
  }
  Profile profile;
  Execution execution = given;
  execution.profile = &profile;
  FitOptions few = f;
  if (f.init != Init::model) few.init = Init::random_from_data;
  few.n_init = 1;
  few.max_iter = kTrialIterations;
  few.tol = 0.0;
  few.accelerate = Acceleration::none;
  few.fail_on_collapse = false;
  try {
    check_memory(execution, inputs, plan);
    FirstRows rows(*inputs.rows, n_rows);
    std::optional<FirstRows> weights;
    std::optional<RelativeWeights> relative;
    if (inputs.weights) weights.emplace(*inputs.weights, n_rows);
    if (inputs.relative_weights) relative.emplace(execution, *weights);
    DataReader* trial_weights = relative  ? static_cast<DataReader*>(&*relative)
                                : weights ? &*weights
                                          : nullptr;
    std::optional<FirstRows> errors;
    if (inputs.errors) errors.emplace(*inputs.errors, n_rows);
    const MemoryData data(execution, rows, trial_weights, inputs.missing, errors ? &*errors : nullptr);
    LastState observer;
    const FitResult result = fit(execution, data, few, observer);
    trial.iteration_seconds =
        iteration_seconds(execution.comm, profile.seconds(), result.n_sweeps,
                          static_cast<double>(inputs.rows->n_rows()) / static_cast<double>(n_rows));
    trial.checkpoint_bytes = checkpoint_bytes(f, observer.state, data.summary());
    trial.n_rows = n_rows;
  } catch (const Error& e) {
    if (e.code() == ExitCode::stopped_early) throw;
    trial.failure = with_flags(e.what());
  }
  return trial;
}

/// Collective. "rank 3 on node7: processors 0-3", of every rank.
std::vector<std::string> bindings(const Communicator& comm) {
  const std::string mine = fmt::format("rank {} on {}\n", comm.rank(), binding_text());
  const std::vector<char> all = comm.all_gather(std::span<const char>(mine));
  std::vector<std::string> lines(1);
  for (const char c : all)
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += c;
  lines.pop_back();
  return lines;
}

std::string seconds_text(double seconds) {
  if (seconds < 120.0) return fmt::format("{:.2g} s", seconds);
  return seconds < 7200.0 ? fmt::format("{:.0f} min", seconds / 60.0)
                          : fmt::format("{:.1f} h", seconds / 3600.0);
}

/// Where checkpoints go, and what is free there; nothing if that cannot be told.
std::string space_text(const Options& options) {
  const std::string prefix = options.text(options.has("checkpoint") ? "checkpoint" : "output");
  const std::filesystem::path folder = std::filesystem::absolute(prefix).parent_path();
  std::error_code unknown;
  const auto space = std::filesystem::space(folder, unknown);
  return unknown ? ""
                 : fmt::format("; {} are free in {}", bytes_text(double(space.available)), folder.string());
}

}  // namespace

void dry_run(const Execution& execution, const Options& options, const FitOptions& f,
             const OpenedData& inputs, const MemoryPlan& plan, RunLog& log) {
  const std::vector<std::string> ranks = bindings(execution.comm);
  for (std::size_t r = 0; r < std::min<std::size_t>(ranks.size(), kMostRanksShown); ++r)
    log.line(fmt::format("{}, {}", ranks[r], count_text(execution.n_threads, "thread")));
  if (ranks.size() > kMostRanksShown)
    log.line(fmt::format("... {} more ranks", ranks.size() - kMostRanksShown));

  const Trial trial = make_trial(execution, f, inputs, plan);
  if (trial.failure.empty()) {
    log.line(fmt::format("time: about {} per iteration{}, judged by {} on {} of {} rows; at most {} for {}{}",
                         seconds_text(trial.iteration_seconds),
                         plan.streamed() ? " besides reading the file" : "",
                         count_text(kTrialIterations, "iteration"), trial.n_rows, inputs.rows->n_rows(),
                         seconds_text(trial.iteration_seconds * f.max_iter),
                         count_text(f.max_iter, "iteration"), f.n_init > 1 ? " of each start" : ""));
    log.line(fmt::format("checkpoints: {} are kept, and one more while it is written, of about {} each{}",
                         CheckpointStore::kKept, bytes_text(double(trial.checkpoint_bytes)),
                         space_text(options)));
  } else {
    log.line("time: no estimate: " + trial.failure);
  }
  log.line("dry run: no model was written");
  if (!options.flag("json") || !execution.comm.is_root()) return;
  const bool tried = trial.failure.empty();
  const auto number = [&](auto value) {
    return tried ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
  };
  const nlohmann::ordered_json json{{"memory_bytes_per_rank", plan.bytes()},
                                    {"data_bytes_per_rank", plan.data_bytes},
                                    {"streamed", plan.streamed()},
                                    {"seconds_per_iteration", number(trial.iteration_seconds)},
                                    {"trial_rows", trial.n_rows},
                                    {"checkpoint_bytes", number(trial.checkpoint_bytes)},
                                    {"most_checkpoints", CheckpointStore::kKept + 1},
                                    {"ranks", ranks}};
  say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace gmmpi::app
