// Data in memory or streamed: what fits.
#include "app/inputs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <map>

#include "app/beside.hpp"
#include "app/column_doubts.hpp"
#include "app/columns.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "app/text_format.hpp"
#include "data/relative_weights.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/data/row_labels.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/io/open_data.hpp"

namespace gmmpi::app {

namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
/// What the program grows by besides what is counted: HDF5, MPI's buffers; for each thread stack and
/// allocator.
constexpr std::int64_t kGrowth = 8 * kMiB, kThreadGrowth = kMiB / 4;
/// The least limit that is suggested has some room, since the program's size varies.
constexpr std::int64_t kRoom = 4 * kMiB;

/// What the kernel says can still be had without swapping, within the limits of the control group.
std::int64_t available_memory() {
  std::int64_t available = std::numeric_limits<std::int64_t>::max();
  std::ifstream meminfo("/proc/meminfo");
  for (std::string name, unit; meminfo >> name;) {
    std::int64_t kib = 0;
    meminfo >> kib;
    std::getline(meminfo, unit);
    if (name == "MemAvailable:") available = kib * 1024;
  }
  std::ifstream most("/sys/fs/cgroup/memory.max"), used("/sys/fs/cgroup/memory.current");
  std::int64_t limit = 0, current = 0;
  if (!(most >> limit && used >> current)) return available;
  std::ifstream stat("/sys/fs/cgroup/memory.stat");
  std::int64_t bytes = 0;
  for (std::string name; stat >> name >> bytes;)
    if (name == "inactive_file" || name == "active_file")
      current -= bytes;  // page cache, given back when needed
  available = std::min(available, limit - current);
  return available;
}

/// What this process has in memory now; 0 where the system does not tell.
std::int64_t resident_memory() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

std::int64_t mib_above(std::int64_t bytes) {
  return (bytes + kMiB - 1) / kMiB;
}

/// Error 71: the data do not fit below the limit; `least` does, if they are streamed.
[[noreturn]] void does_not_fit(const MemoryPlan& p, const DataReader& rows, std::int64_t least) {
  if (rows.storage().is_text)
    throw Error(ExitCode::no_memory,
                fmt::format("{}: text is not streamed (every sweep would parse it again), and does not fit "
                            "below --memory-limit: write it once as HDF5 with gmmpi convert, or give "
                            "--memory-limit {}M",
                            rows.name(), mib_above(p.working_bytes + p.data_bytes + kRoom)));
  throw Error(
      ExitCode::no_memory,
      fmt::format("{}: even streamed it does not fit below --memory-limit ({} are needed besides its "
                  "rows): give --memory-limit {}M or more",
                  rows.name(), bytes_text(static_cast<double>(p.working_bytes)), mib_above(least + kRoom)));
}

}  // namespace

namespace {

bool makes_models(const std::string& command) {
  return command == "fit" || command == "select" || command == "pca";
}

}  // namespace

Missing missing_of(const Options& options) {
  if (!options.has("missing")) return Missing::error;
  static const std::map<std::string, Missing> ways{
      {"error", Missing::error}, {"drop", Missing::drop}, {"em", Missing::em}};
  return ways.at(options.choice("missing", {"error", "drop", "em"}));
}

RowReaders readers_of(const OpenedData& data) {
  return {*data.rows, data.errors.get()};
}

OpenedData open_inputs(const Execution& execution, const Options& options) {
  const Communicator& comm = execution.comm;
  TextFormat format;
  comm.together([&] { format = text_format(options); });
  std::unique_ptr<DataReader> table = open_data(comm, options.arguments.at("DATA"), "/X", format);
  comm.together([&] { check_is_text(options, *table); });
  tell(comm, *table);
  OpenedData data;
  BesideRows beside = open_beside(execution, options, *table);
  ChosenColumns chosen = choose_columns(execution, options, std::move(table), beside.taken);
  data.rows = std::move(chosen.rows);
  if (makes_models(options.command) && comm.is_root())
    if (const std::string doubt = shape_doubt(*data.rows); !doubt.empty())
      note("gmmpi: warning: {}\n", doubt);
  data.feature_names = data.rows->feature_names();
  data.weights = std::move(beside.weights);
  data.relative_weights = options.has("relative-weights");
  if (data.relative_weights && !data.weights)
    throw Error(ExitCode::usage, "--relative-weights: there are no weights; give --sample-weight");
  data.missing = missing_of(options);
  if (beside.errors)
    comm.together([&] {
      const bool listed = beside.error_columns.empty();  // in the order of the columns that they are of
      data.errors = errors_of_columns(std::move(beside.errors), chosen.places,
                                      listed ? chosen.places : beside.error_columns);
    });
  data.labels = std::move(beside.labels.values);
  data.init_labels = std::move(beside.init_labels.values);
  data.class_names = std::move(beside.labels.classes);
  return data;
}

void transform_rows(const Execution& execution, OpenedData& data, const Transform& transform,
                    TransformedReader::Direction direction, const std::string& maker) {
  execution.comm.together([&] {
    if (data.errors)
      throw Error(ExitCode::usage, "--errors: are those of the columns as they are, and " + maker +
                                       " makes others of them; leave one of the two out");
    data.rows = std::make_unique<TransformedReader>(std::move(data.rows), transform, direction,
                                                    data.weights || data.missing != Missing::error, maker);
  });
}

MemoryPlan plan_memory(const Execution& execution, const Options& options, const OpenedData& data,
                       std::int64_t working_bytes) {
  const Communicator& comm = execution.comm;
  const DataReader& rows = *data.rows;
  const RowFormat format = readers_of(data).format();
  const BlockGrid grid(rows.n_rows());
  const Index n_blocks = grid.first_block(1, comm.size());
  const bool weighted = data.weights != nullptr || data.missing != Missing::error;
  MemoryPlan p;
  std::int64_t program = resident_memory() + kGrowth + execution.n_threads * kThreadGrowth;
  comm.max(std::span(&program, 1));
  p.data_bytes = MemoryData::bytes(grid, format, weighted, comm.size());
  const std::int64_t weighing = data.weights ? data.weights->storage().reading_bytes : 0;
  std::int64_t labelling = 0;
  for (const auto* labels : {&data.labels, &data.init_labels})
    if (*labels)
      labelling +=
          (*labels)->storage().reading_bytes + RowLabels::bytes(grid.first_row_of_rank(1, comm.size()));
  Storage storage = rows.storage();
  if (data.errors) {
    storage.is_text |= data.errors->storage().is_text;
    storage.reading_bytes += data.errors->storage().reading_bytes;
    storage.streaming_bytes += data.errors->storage().streaming_bytes;
  }
  p.working_bytes = program + working_bytes + weighing + labelling + storage.reading_bytes;
  comm.together([&] {
    if (options.has("memory-limit")) p.limit = options.size("memory-limit");
    if (p.limit == 0 || p.working_bytes + p.data_bytes <= p.limit) return;
    // Weights, and a hash for each block, are held.
    const std::int64_t held = 8 * (n_blocks + (weighted ? grid.first_row_of_rank(1, comm.size()) : 0));
    p.working_bytes += storage.streaming_bytes - storage.reading_bytes + held;
    const std::int64_t least = StreamData::least_bytes(grid, format);
    if (storage.is_text || p.limit < p.working_bytes + least) does_not_fit(p, rows, p.working_bytes + least);
    p.stream_bytes = p.limit - p.working_bytes;
    p.stream = StreamData::plan(grid, format, n_blocks, p.stream_bytes, execution.n_threads);
  });
  return p;
}

std::string MemoryPlan::text() const {
  if (!streamed()) return "held in memory";
  return fmt::format("streamed from the file in every sweep, through {} of {}; {} are held",
                     count_text(stream.n_buffers, "buffer"),
                     bytes_text(static_cast<double>(stream.buffer_bytes)),
                     bytes_text(static_cast<double>(stream.held_bytes)));
}

void check_memory(const Execution& execution, const OpenedData& data, const MemoryPlan& plan) {
  const Communicator& comm = execution.comm;
  const auto available = static_cast<double>(available_memory()), needed = static_cast<double>(plan.bytes());
  comm.together([&] {
    if (needed * comm.node_size() <= available) return;
    throw Error(ExitCode::no_memory,
                fmt::format("{} needs {} per rank, {} on this node together, and only {} are free: use more "
                            "nodes, or stream the data from the file with --memory-limit {}M",
                            data.rows->name(), bytes_text(needed), count_text(comm.node_size(), "rank"),
                            bytes_text(available),
                            mib_above(static_cast<std::int64_t>(0.9 * available / comm.node_size()))));
  });
}

std::unique_ptr<Data> read_data(const Execution& execution, const OpenedData& data, const MemoryPlan& plan) {
  std::optional<RelativeWeights> relative;
  if (data.relative_weights) relative.emplace(execution, *data.weights);
  DataReader* weights = relative ? &*relative : data.weights.get();
  if (plan.streamed())
    return std::make_unique<StreamData>(execution, *data.rows, weights, plan.stream_bytes, data.missing,
                                        data.errors.get());
  return std::make_unique<MemoryData>(execution, *data.rows, weights, data.missing, data.errors.get());
}

std::string warning_of_weights(const OpenedData& opened, const DataSummary& summary) {
  if (!opened.weights || summary.total_weight >= 0.5 * static_cast<double>(summary.n_rows)) return "";
  return fmt::format(
      "the weights {} of {} sum to {:.6g}, which BIC and ICL take for the number of rows: "
      "--relative-weights makes them sum to {}",
      opened.weights->name(), count_text(summary.n_rows, "row"), summary.total_weight, summary.n_rows);
}

InputData read_inputs(const Execution& execution, const Options& options, OpenedData opened,
                      std::int64_t working_bytes, std::int64_t bytes_per_row) {
  InputData data{std::move(opened), nullptr};
  const Index most_rows = BlockGrid(data.opened.rows->n_rows()).first_row_of_rank(1, execution.comm.size());
  const MemoryPlan plan =
      plan_memory(execution, options, data.opened, working_bytes + bytes_per_row * most_rows);
  check_memory(execution, data.opened, plan);
  data.rows = read_data(execution, data.opened, plan);
  return data;
}

InputData read_inputs(const Execution& execution, const Options& options, std::int64_t working_bytes,
                      std::int64_t bytes_per_row, const Transform& transform) {
  OpenedData opened = open_inputs(execution, options);
  if (!transform.empty())
    transform_rows(execution, opened, transform, TransformedReader::Direction::apply,
                   "the model " + options.arguments.at("MODEL"));
  return read_inputs(execution, options, std::move(opened), working_bytes, bytes_per_row);
}

std::int64_t writing_bytes(const Execution& execution, const Mixture& model,
                           const std::vector<OutputColumn>& columns) {
  const std::int64_t K = model.n_components + model.noise.has_value(), d = model.n_features;
  std::int64_t row = 0;  // values
  for (const OutputColumn& column : columns)
    row += std::max<Index>(column.columns, 1) * std::max<Index>(column.depth, 1);
  const Index longest_block = BlockGrid(std::numeric_limits<Index>::max()).block_rows();
  const std::int64_t thread = longest_block * row + kTileRows * (3 * K + 4 * d);
  // The parameters once more as factors, and packed.
  return 8 * (execution.n_threads * thread + 3 * (std::ssize(model.means) + std::ssize(model.covariances)));
}

}  // namespace gmmpi::app
