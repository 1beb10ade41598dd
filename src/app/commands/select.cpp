// gmmpi select: a grid of fits, and the best of them as a model file.
#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "app/checkpointing.hpp"
#include "app/commands.hpp"
#include "app/fitting.hpp"
#include "app/grid_table.hpp"
#include "app/inputs.hpp"
#include "app/run_log.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "app/timing.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/select.hpp"
#include "gmmpi/io/model_file.hpp"
#include "io/describe.hpp"

namespace gmmpi::app {

namespace {

constexpr Index kMostGridValues = 1'000'000;
constexpr std::int64_t kMostFolds = 1000, kMostCandidates = 100'000;

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> parts{""};
  for (const char c : text)
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

/// "1:9", "2,4,8" or "1:4,8" to numbers; a range may also be written 1..9. Error 64.
std::vector<int> parse_numbers(const std::string& text) {
  const auto complain = [&] {
    return Error(ExitCode::usage, "--n-components: '" + text +
                                      "' is no list of whole numbers from 1; write one such as 1:9 or 2,4,8");
  };
  const auto integer = [&](const std::string& word) {
    int n = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), n);
    if (error != std::errc() || end != word.data() + word.size() || n < 1 || n > kMostComponents)
      throw complain();
    return n;
  };
  std::vector<int> numbers;
  for (const std::string& word : words(text)) {
    const std::size_t dots = word.find(".."), colon = dots == std::string::npos ? word.find(':') : dots;
    const int first = integer(word.substr(0, colon));
    const int last =
        colon == std::string::npos ? first : integer(word.substr(colon + (dots == colon ? 2 : 1)));
    if (last < first || last - first >= kMostCandidates) throw complain();
    for (int n = first; n <= last; ++n)
      if (std::ranges::find(numbers, n) == numbers.end()) numbers.push_back(n);
  }
  return numbers;
}

std::vector<const CovarianceFamily*> parse_families(const Options& o) {
  if (o.choice("family", {"gaussian", "bernoulli"}) == "bernoulli") return {&find_family("bernoulli")};
  std::vector<const CovarianceFamily*> families;
  for (const std::string& word : words(o.text("covariance-type"))) {
    Options one = o;  // a single choice is complained about in the usual way
    one.values["covariance-type"] = word;
    const CovarianceFamily* family = &find_family(one.choice("covariance-type", covariance_types()));
    if (std::ranges::find(families, family) == families.end()) families.push_back(family);
  }
  return families;
}

SelectOptions select_options(const Options& o) {
  static const std::map<std::string, Criterion> criteria{
      {"bic", Criterion::bic}, {"aic", Criterion::aic}, {"icl", Criterion::icl}, {"cv", Criterion::cv}};
  SelectOptions s;
  s.n_components = parse_numbers(o.text("n-components"));
  s.families = parse_families(o);
  if (static_cast<std::int64_t>(s.n_candidates()) > kMostCandidates)
    throw Error(ExitCode::usage, "--n-components: more than 100000 candidates; give fewer");
  s.criterion = criteria.at(o.choice("criterion", {"bic", "aic", "icl", "cv"}));
  s.n_folds = static_cast<int>(o.integer("folds", 2, kMostFolds));
  s.keep_degenerate = o.choice("degenerate", {"exclude", "keep"}) == "keep";
  set_fit_options(o, s.fit);
  if (s.fit.init == Init::model)
    throw Error(ExitCode::usage,
                "--init " + o.text("init") +
                    ": a model file has one number of components; choose kmeans, k-means++, random or "
                    "random-from-data");
  return s;
}

/// Lets checkpoints be taken and says now and then how the fit in hand goes; its iterations are not listed.
class Progress final : public FitObserver {
 public:
  Progress(RunLog& log, Checkpointing& checkpoints) : log_(log), checkpoints_(checkpoints) {}

  void begin_part(const std::string& part) { part_ = part, said_ = log_.seconds(); }
  void safe_point(const FitState& state) override { checkpoints_.safe_point(state); }
  void iteration(const Iteration& it) override {
    if (log_.seconds() - said_ < 2.0) return;
    said_ = log_.seconds();
    log_.line(fmt::format("  {}: restart {}, iteration {}, log-likelihood {:.10g}", part_, it.restart,
                          it.iteration, it.log_likelihood));
  }
  void reseeded(const Reseed& r) override {
    log_.event("reseed", {{"part", part_},
                          {"restart", r.restart},
                          {"iteration", r.iteration},
                          {"component", r.component},
                          {"row", r.row}});
  }

 private:
  RunLog& log_;
  Checkpointing& checkpoints_;
  std::string part_;
  double said_ = 0.0;
};

/// One run of the command, from read data to the output.
class Run {
 public:
  Run(const Execution& execution, const Options& options, const SelectOptions& wanted, const Data& data,
      Checkpointing& checkpoints, RunLog& log)
      : execution_(execution),
        options_(options),
        wanted_(wanted),
        data_(data),
        checkpoints_(checkpoints),
        log_(log),
        progress_(log, checkpoints) {}

  /// Collective. Fits, chooses and writes; Error 75 says that what is done is kept.
  void run(const OpenedData& inputs, double read_seconds);
  /// All names under which checkpoints may lie.
  std::vector<std::string> parts() const;

 private:
  FitResult fit_part(const std::string& part, const Data& data, const FitOptions& f);
  void finished(const Candidate& c);
  Selection choose();
  std::string write(Selection selection, const OpenedData& inputs);

  const Execution& execution_;
  const Options& options_;
  const SelectOptions& wanted_;
  const Data& data_;
  Checkpointing& checkpoints_;
  RunLog& log_;
  Progress progress_;
  std::size_t n_finished_ = 0;
  std::string stopped_where_;
};

std::vector<std::string> Run::parts() const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < wanted_.n_candidates(); ++i)
    for (std::string& name : part_names(wanted_, i)) all.push_back(std::move(name));
  return all;
}

FitResult Run::fit_part(const std::string& part, const Data& data, const FitOptions& f) {
  checkpoints_.begin_part(part);
  progress_.begin_part(part);
  const std::optional<FitState> resume = checkpoints_.load(f, data.summary());
  const bool done = resume && resume->restart >= f.n_runs();
  if (!done) checkpoints_.start(resume ? *resume : FitState());
  try {
    FitResult result = fit(execution_, data, f, progress_, resume ? &*resume : nullptr);
    if (done) return result;
    FitState end;
    end.restart = f.n_runs();
    end.best = result;
    checkpoints_.finish_part(end);
    return result;
  } catch (const Error& e) {
    if (e.code() == ExitCode::stopped_early)
      stopped_where_ = checkpoints_.stopped();  // the state needs `data`, which may end with this fit
    else
      checkpoints_.drop_part();
    throw;
  }
}

void Run::finished(const Candidate& c) {
  if (n_finished_++ == 0) log_.line(grid_header(wanted_.criterion));
  log_.line(
      fmt::format("{}  ({} of {})", grid_line(c, wanted_.criterion), n_finished_, wanted_.n_candidates()));
  nlohmann::json fields{{"covariance_type", c.family->name()},
                        {"n_components", c.n_components},
                        {"fitted", c.fitted},
                        {"degenerate", c.degenerate},
                        {"reason", c.reason}};
  if (c.fitted)
    fields.update({{"log_likelihood", c.score.log_likelihood},
                   {"bic", c.score.bic},
                   {"aic", c.score.aic},
                   {"icl", c.score.icl},
                   {"n_iter", c.n_iter},
                   {"converged", c.converged}});
  if (wanted_.criterion == Criterion::cv && c.fitted) fields["cv"] = c.held_out.mean;
  log_.event("candidate", fields);
}

Selection Run::choose() {
  try {
    return select(
        execution_, data_, wanted_,
        [&](const std::string& part, const Data& data, const FitOptions& f) {
          return fit_part(part, data, f);
        },
        [&](const Candidate& c) { finished(c); });
  } catch (const Error& e) {
    if (e.code() != ExitCode::stopped_early) throw;
    throw Error(e.code(), fmt::format("{}: {} of {} done; {}", e.what(), n_finished_,
                                      count_text(static_cast<Index>(wanted_.n_candidates()), "candidate"),
                                      stopped_where_.empty() ? "run the same command again to continue"
                                                             : stopped_where_));
  }
}

std::string Run::write(Selection selection, const OpenedData& inputs) {
  const Candidate& best = selection.candidates[selection.best];
  ModelRecord record;
  record.options = selection.options;
  record.data = data_.summary();
  record.feature_names = inputs.rows->feature_names();
  record.score = best.score;
  record.result = std::move(selection.result);
  record.grid = {wanted_, std::move(selection.candidates), selection.best};
  record.resolved_options = resolved_options(options_, selection.options);
  record.runtime = runtime_facts(execution_, log_.seconds());
  std::string digest;
  execution_.comm.together([&] {
    if (!execution_.comm.is_root()) return;
    checkpoints_.confirm();
    digest = write_model(options_.text("output"), record);
  });
  return digest;
}

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
  say("{}", grid_text(grid));
  say("digest {}\n", model.at("digest").get<std::string>());
  say("written to {}; next: gmmpi info {}, or gmmpi plot criteria {} -o criteria.png\n", output, output,
      output);
}

void Run::run(const OpenedData& inputs, double read_seconds) {
  const Communicator& comm = execution_.comm;
  const std::string output = options_.text("output");
  const auto is_this = [&](const ExistingModel& m) {
    return m.selection == selection_digest(wanted_, data_.summary());
  };
  const auto show = [&](const ExistingModel&) { print_result(options_, output, true); };
  if (already_done(execution_, options_, "selection", is_this, show, log_)) {
    std::vector<std::string> left;
    for (std::size_t i = 0; i < wanted_.n_candidates(); ++i) {
      const std::vector<std::string> names = part_names(wanted_, i);
      checkpoints_.begin_part(names.front());
      if (checkpoints_.has_leftovers(wanted_.candidate(i), data_.summary()))
        left.insert(left.end(), names.begin(), names.end());
    }
    checkpoints_.finish(output, left);
    return;
  }
  Selection selection = choose();
  checkpoints_.end_watch();
  const std::string digest = write(std::move(selection), inputs);
  report_timing(comm, *execution_.profile, {log_.seconds(), read_seconds, checkpoints_.seconds()}, log_);
  log_.event("end", {{"output", output}, {"digest", digest}, {"total_seconds", log_.seconds()}});
  comm.together([&] {
    if (comm.is_root()) print_result(options_, output, false);
  });
  checkpoints_.finish(output, parts());
}

/// Of the candidate that needs most.
std::int64_t most_working_bytes(const Execution& execution, const SelectOptions& wanted,
                                const OpenedData& inputs) {
  std::int64_t most = 0;
  for (std::size_t i = 0; i < wanted.n_candidates(); ++i)
    most = std::max(most, working_bytes(execution, wanted.candidate(i), inputs));
  if (wanted.criterion != Criterion::cv) return most;
  const Index rows = BlockGrid(inputs.rows->n_rows()).first_row_of_rank(1, execution.comm.size());
  return most + 2 * 8 * rows;  // the weights of a fold's two parts
}

void announce(const Execution& execution, const SelectOptions& wanted, const OpenedData& data,
              const MemoryPlan& plan, RunLog& log) {
  std::string types;
  for (const CovarianceFamily* family : wanted.families)
    types += (types.empty() ? "" : ", ") + std::string(family->name());
  const std::string criterion = criterion_name(wanted.criterion);
  log.line(fmt::format("gmmpi {}: select {}{}", GMMPI_VERSION, data.rows->describe(),
                       data.weights ? ", weighted" : ""));
  log.line(fmt::format("candidates: {} ({}; K {}) by {}{}; {} each, tol {:g}, seed {}", wanted.n_candidates(),
                       types, fmt::join(wanted.n_components, " "), criterion,
                       wanted.criterion == Criterion::cv ? fmt::format(" of {} folds", wanted.n_folds) : "",
                       count_text(wanted.fit.n_init, "start"), wanted.fit.tol, wanted.fit.seed));
  log.line(fmt::format("run: {} x {}; per rank {} of data and up to {} to work on",
                       count_text(execution.comm.size(), "rank"), count_text(execution.n_threads, "thread"),
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
  comm.together([&] {
    stop_on_time(stop, options);
    wanted = select_options(options);
  });
  RunLog log(comm, wanted.fit);
  const OpenedData inputs = open_inputs(execution, options);
  const MemoryPlan plan =
      plan_memory(execution, options, inputs, most_working_bytes(execution, wanted, inputs));
  announce(execution, wanted, inputs, plan, log);
  if (options.has("log-json")) check_log(execution, options, options.text("log-json"));
  check_output(execution, options, options.text("output"), true);  // what exists is looked at below
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
                      {"threads", execution.n_threads}});
  try {
    Checkpointing checkpoints(comm, options, stop, log);
    const std::unique_ptr<Data> data = read_or_stop(execution, inputs, plan, log);
    Run(execution, options, wanted, *data, checkpoints, log).run(inputs, log.seconds());
  } catch (const Error& e) {
    if (e.code() == ExitCode::stopped_early) log.event("stop", {{"reason", e.what()}});
    throw;
  }
}

}  // namespace gmmpi::app
