// Options, memory and messages of the commands that fit.
#include "app/fitting.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <numeric>

#include "app/engine_options.hpp"
#include "app/fit_extras.hpp"
#include "app/support.hpp"
#include "em/start.hpp"
#include "em/sweep.hpp"
#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi::app {

namespace {

const std::map<std::string, Init> kInits{{"kmeans", Init::kmeans},
                                         {"k-means++", Init::kmeans_plusplus},
                                         {"random", Init::random},
                                         {"random-from-data", Init::random_from_data}};

}  // namespace

void set_fit_options(const Options& o, FitOptions& f) {
  f.engine = &find_engine(o.choice("engine", engine_names()));
  f.engine_options = read_engine_options(o, *f.engine);
  f.n_init = static_cast<int>(o.integer("n-init", 1, 1'000'000));
  f.short_runs = static_cast<int>(o.integer("short-runs", 0, INT32_MAX));
  f.tol = o.number("tol", 0.0);
  f.max_iter = o.text("max-iter") == "auto" ? f.engine->usual_max_iter()
                                            : static_cast<int>(o.integer("max-iter", 0, INT32_MAX));
  if (o.text("reg-covar") != "auto") f.reg_covar = o.number("reg-covar", 0.0);
  f.seed = static_cast<std::uint64_t>(o.integer("seed", 0));
  f.accelerate =
      o.choice("accelerate", {"none", "lbfgs"}) == "lbfgs" ? Acceleration::lbfgs : Acceleration::none;
  f.fail_on_collapse = o.choice("on-collapse", {"reseed", "fail"}) == "fail";
  f.skip = o.choice("skip", {"auto", "none"}) == "auto";
  f.prior = prior_options(o);
  f.fixed = fixed_parameters(o);
  f.noise = noise_options(o);
  f.relative_weights = o.flag("relative-weights");
  o.choice("resume", {"auto", "never", "must"});
  if (const auto start = start_path(o)) {
    f.init = Init::model;
    f.start_name = *start;
    return;
  }
  const auto found = kInits.find(o.text("init"));
  if (found == kInits.end())
    throw Error(ExitCode::usage,
                "--init: '" + o.text("init") +
                    "' is unknown; choose kmeans, k-means++, random, random-from-data or a model file");
  f.init = found->second;
}

bool starts_from_labels(const Options& o, std::initializer_list<const char*> others) {
  if (!o.has("init-labels")) return false;
  for (const char* other : others)
    if (o.given.contains(other))
      throw Error(ExitCode::usage, std::string("--init-labels is a start of its own; leave out --") + other);
  return true;
}

std::optional<std::string> start_path(const Options& o) {
  const std::string init = o.text("init");
  if (kInits.contains(init) || init.find_first_of("./") == std::string::npos) return std::nullopt;
  return init;
}

const Component& component_of(const Options& o) {
  const Component& component = find_component(o.choice("family", component_names()));
  if (!component.has_covariances() && o.given.contains("covariance-type"))
    throw Error(ExitCode::usage, "--covariance-type " + o.text("covariance-type") +
                                     ": components of --family " + std::string(component.name()) +
                                     " have no covariances; leave one of them out");
  return component;
}

OwnOptions own_options(const Options& o, const Component& component) {
  static constexpr const char* option = "dof";
  const std::string text = o.text(option);
  if (component.own_name() != option) {
    if (o.given.contains(option))
      throw Error(ExitCode::usage, "--dof " + text + ": components of --family " +
                                       std::string(component.name()) +
                                       " have no degrees of freedom; leave one of them out");
    return {};
  }
  if (text == "each") return {Sharing::each};
  if (text == "shared") return {Sharing::shared};
  if (text.find_first_not_of("0123456789.+-eE") != std::string::npos)
    throw Error(ExitCode::usage, "--dof: '" + text + "' is unknown; give each, shared or a number such as 4");
  const OwnOptions own{Sharing::fixed, o.number(option, 0.0)};
  try {
    component.validate_own(own.value);
  } catch (const Error& e) {
    throw Error(ExitCode::usage, "--dof " + text + ": " + e.what());
  }
  return own;
}

const CovarianceStructure& structure_named(const std::string& name) {
  try {
    const CovarianceStructure& found = find_structure(name);
    if (found.layout().n_covariances(1) > 0) return found;
  } catch (const Error&) {
  }
  std::string known;
  for (const std::string& type : covariance_types()) known += type + ", ";
  for (const CovarianceStructure* structure : covariance_structures())
    known += std::string(structure->mclust_name()) + ", ";
  throw Error(ExitCode::usage, "--covariance-type: '" + name + "' is unknown; choose one of " +
                                   known.substr(0, known.size() - 2));
}

FitOptions fit_options(const Options& o) {
  FitOptions f;
  f.n_components = static_cast<int>(o.integer("n-components", 1, kMostComponents));
  f.component = &component_of(o);
  f.structure = &(f.component->has_covariances() ? structure_named(o.text("covariance-type"))
                                                 : unconstrained(no_covariances()));
  set_fit_options(o, f);
  if (starts_from_labels(o, {"init", "labels"})) f.init = Init::labels;
  f.own = own_options(o, *f.component);
  f.trace_bound = o.choice("trace", {"none", "elbo"}) == "elbo";
  return f;
}

Mixture model_shape(const FitOptions& f, int n_features) {
  Mixture shape;
  shape.n_components = f.n_components;
  shape.become(f.kind());
  shape.n_features = n_features;
  if (f.noise) shape.noise.emplace().background = find_background(f.noise->kind);
  return shape;
}

std::int64_t working_bytes(const Execution& execution, const FitOptions& f, const OpenedData& data) {
  const int n_own = f.component->own_name().empty() ? 0 : 2;
  const MomentLayout layout{f.n_components, data.rows->n_columns(), f.structure->scatter_shape(), n_own};
  const BlockGrid grid(data.rows->n_rows());
  const bool with_gaps = data.missing == Missing::em, rowwise = with_gaps || data.errors;
  // Ten steps, ten decreases and a few more vectors: in use, at the safe point, and on the way to a
  // checkpoint.
  const std::int64_t acceleration = f.accelerate == Acceleration::none ? 0 : 4 * 24 * 8 * layout.size();
  // Threads' sums, and copies of sums and model: limbs, message, factors, safe point, checkpoint.
  return acceleration + execution.n_threads * sweep_bytes_per_thread(layout, grid.block_rows(), rowwise) +
         (with_gaps ? pattern_bytes(layout, grid.first_row_of_rank(1, execution.comm.size())) : 0) +
         24 * 8 * layout.size() + start_bytes(execution, f, data.rows->n_rows(), layout.d);
}

void warn_of_machine(const Execution& execution, RunLog& log) {
  const int on_node = execution.comm.node_size() * execution.n_threads;
  if (execution.n_threads > available_processors())
    log.warning(fmt::format(
        "{} on {} per rank: the rank is bound to too few; use mpirun --map-by slot:PE={} (or --bind-to none)",
        count_text(execution.n_threads, "thread"), count_text(available_processors(), "processor"),
        execution.n_threads));
  else if (on_node > machine_processors())
    log.warning(fmt::format("{} of all ranks on {}: they slow each other down; use fewer ranks or --threads",
                            count_text(on_node, "thread"), count_text(machine_processors(), "processor")));
  if (std::string(execution.kernels->name) == "scalar")
    log.warning("no vector instructions with fused multiply-add: same bits, but many times slower");
}

std::map<std::string, std::string> runtime_facts(const Execution& execution, double seconds) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::array<char, 32> date{};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%SZ", ::gmtime_r(&now, &utc));
  return {{"host", host.data()},
          {"finished", date.data()},
          {"ranks", std::to_string(execution.comm.size())},
          {"threads", std::to_string(execution.n_threads)},
          {"simd", execution.kernels->name},
          {"total_seconds", fmt::format("{:.3f}", seconds)}};
}

std::map<std::string, std::string> resolved_options(const Options& options, const FitOptions& f) {
  std::map<std::string, std::string> resolved;
  for (const auto& [name, value] : options.values) {
    if (name == "covariance-type" && !f.component->has_covariances()) continue;
    if (name == "dof" && f.component->own_name().empty()) continue;
    if (name == "init-labels" && !f.init_labels) continue;  // of other candidates
    std::string key = name;
    std::ranges::replace(key, '-', '_');
    resolved[key] = value;
  }
  resolved["data"] = options.arguments.at("DATA");
  return resolved;
}

double log_likelihood_offset(const Execution& execution, const FitOptions& f, const DataSummary& data) {
  const std::vector<double> parts = log_scales(f.transform, *execution.kernels);
  if (!data.has_gaps() || parts.empty())
    return data.total_weight * log_volume(f.transform, *execution.kernels);
  return std::inner_product(parts.begin(), parts.end(), data.gaps.observed_weight.begin(), 0.0);
}

void to_units_of_the_file(const Execution& execution, const FitOptions& f, const DataSummary& data,
                          FitResult& result) {
  const double offset = log_likelihood_offset(execution, f, data);
  std::vector<std::vector<double>*> log_likelihoods{&result.history, &result.restart_log_likelihoods};
  for (const TraceKind& kind : trace_kinds(f))
    if (kind.is_log_likelihood) log_likelihoods.push_back(&result.traces[kind.name]);
  for (std::vector<double>* values : log_likelihoods)
    for (double& value : *values) value += offset;
  result.model.log_volume = log_volume(f.transform, *execution.kernels);
  result.model.log_scales = log_scales(f.transform, *execution.kernels);
  if (!f.transform.empty()) result.map_entropy.reset();  // in other units it is rounded otherwise
}

bool already_done(const Execution& execution, const Options& options, const std::string& what,
                  const std::function<bool(const ExistingModel&)>& is_this,
                  const std::function<void(const ExistingModel&)>& show, RunLog& log) {
  const std::string output = options.text("output");
  std::int64_t done = 0;
  execution.comm.together([&] {
    if (!execution.comm.is_root() || options.flag("force")) return;
    const auto existing = look_at_model(output);
    if (!existing) return;
    done = is_this(*existing);
    if (!done)
      throw Error(ExitCode::cannot_create,
                  fmt::format("{}: exists already and is not the result of this {}; choose another name or "
                              "give --force",
                              output, what));
    log.line(fmt::format("{}: this {} is complete already; --force fits again", output, what));
    show(*existing);
  });
  execution.comm.max(std::span(&done, 1));
  return done != 0;
}

namespace {

/// What became of rows that lack values; empty where none does.
std::string gaps_text(const OpenedData& inputs, const DataSummary& summary) {
  const Gaps& gaps = summary.gaps;
  std::string text;
  if (summary.has_gaps())
    text = fmt::format("{} values are missing, in {} of {} rows",
                       std::accumulate(gaps.n_missing.begin(), gaps.n_missing.end(), Index{0}), gaps.n_rows,
                       summary.n_rows);
  if (gaps.n_left_out > 0)
    text += fmt::format("{}{} left out, {}", text.empty() ? "" : "; ", count_text(gaps.n_left_out, "row"),
                        inputs.missing == Missing::drop ? "because values are missing" : "without any value");
  return text;
}

/// How rows were measured; empty where nobody says.
std::string errors_text(const OpenedData& inputs, const DataSummary& summary) {
  if (!inputs.errors) return "";
  if (!summary.has_errors) return inputs.errors->name() + ": all are 0, so the rows are taken as they are";
  const bool deviations = inputs.errors->n_columns() == inputs.rows->n_columns();
  return fmt::format("measured with the {} of {}; components are those of the true values",
                     deviations ? "standard deviations" : "covariances", inputs.errors->name());
}

}  // namespace

std::unique_ptr<Data> read_or_stop(const Execution& execution, const OpenedData& inputs,
                                   const MemoryPlan& plan, RunLog& log) {
  std::unique_ptr<Data> data = before_computing([&] { return read_data(execution, inputs, plan); });
  log.line(fmt::format("read in {:.2g} s", log.seconds()));
  for (const std::string& text : {gaps_text(inputs, data->summary()), errors_text(inputs, data->summary())})
    if (!text.empty()) log.line(text);
  return data;
}

}  // namespace gmmpi::app
