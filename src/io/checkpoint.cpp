// Encoding and decoding of checkpoints.
#include "gmmpi/io/checkpoint.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "io/fit_fields.hpp"

namespace gmmpi {

namespace {

constexpr std::int64_t kFormatVersion = 1;
constexpr char kMagic[8] = {'g', 'm', 'm', 'p', 'i', 'c', 'k', '1'};

/// Stands behind the HDF5 image; HDF5 ignores what follows it.
struct Trailer {
  char magic[8];
  std::uint64_t image_size;
  std::uint64_t checksum[2];
};

Trailer make_trailer(std::span<const std::byte> image) {
  Trailer trailer{};
  std::memcpy(trailer.magic, kMagic, sizeof kMagic);
  trailer.image_size = image.size();
  const XXH128_hash_t hash = XXH3_128bits(image.data(), image.size());
  trailer.checksum[0] = hash.low64;
  trailer.checksum[1] = hash.high64;
  return trailer;
}

std::span<const std::byte> checked_image(std::span<const std::byte> bytes, const std::string& name) {
  const auto damaged = [&](const char* what) {
    return Error(ExitCode::checkpoint_refused, name + ": damaged (" + what + ")");
  };
  if (bytes.size() < sizeof(Trailer)) throw damaged("too short");
  const auto image = bytes.first(bytes.size() - sizeof(Trailer));
  Trailer found{};
  std::memcpy(&found, bytes.data() + image.size(), sizeof found);
  if (std::memcmp(found.magic, kMagic, sizeof kMagic) != 0)
    throw damaged("truncated, or no gmmpi checkpoint");
  const Trailer expected = make_trailer(image);
  if (std::memcmp(&found, &expected, sizeof found) != 0) throw damaged("its checksum is wrong");
  return image;
}

Doubles column(const std::vector<double>& values) {
  return {values, {std::ssize(values)}};
}

/// Vectors of equal length as the rows of a table.
Doubles table(const std::vector<std::vector<double>>& rows) {
  Doubles all{{}, {std::ssize(rows), rows.empty() ? 0 : std::ssize(rows.front())}};
  for (const std::vector<double>& row : rows) all.values.insert(all.values.end(), row.begin(), row.end());
  return all;
}

std::vector<std::vector<double>> read_table(hid_t group, const std::string& name) {
  std::vector<Index> dims;
  const std::vector<double> values = h5::read_dataset<double>(group, name, &dims);
  std::vector<std::vector<double>> rows;
  for (auto row = values.begin(); row != values.end(); row += dims[1]) rows.emplace_back(row, row + dims[1]);
  return rows;
}

void add_acceleration(const AccelerationState& a, std::vector<Field>& fields) {
  const auto add = [&](const char* name, Field::Value value) {
    fields.push_back({"acceleration", name, std::move(value), false});
  };
  add("steps", table(a.steps));
  add("decreases", table(a.decreases));
  add("step", column(a.step));
  add("em_step", column(a.em_step));
  add("radius", a.radius);
  add("extrapolated", std::int64_t{a.extrapolated});
  if (!a.extrapolated) return;
  add("width", a.width);
  for (Field& field : parameter_fields(a.em_model, "acceleration")) fields.push_back(std::move(field));
}

AccelerationState read_acceleration(hid_t group, const std::string& name) {
  AccelerationState a;
  a.steps = read_table(group, "steps");
  a.decreases = read_table(group, "decreases");
  a.step = h5::read_dataset<double>(group, "step");
  a.em_step = h5::read_dataset<double>(group, "em_step");
  a.radius = h5::read_attribute<double>(group, "radius");
  a.extrapolated = h5::read_attribute<std::int64_t>(group, "extrapolated") != 0;
  if (!a.extrapolated) return a;
  a.width = h5::read_attribute<double>(group, "width");
  a.em_model = read_parameters(group, name);
  return a;
}

std::string text_of(const Field::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return std::to_string(std::get<std::int64_t>(value));
}

/// An option's value as it was stored, whatever its type; "not set" if it is not there.
std::string stored_text(hid_t group, const std::string& name, bool is_integer = false) {
  if (!h5::has_attribute(group, name)) return "not set";
  if (is_integer) return std::to_string(h5::read_attribute<std::int64_t>(group, name));
  try {
    return h5::read_attribute<std::string>(group, name);
  } catch (const Error&) {
    return fmt::format("{}", h5::read_attribute<double>(group, name));
  }
}

/// As the user writes the option.
std::string option_name(const std::string& field) {
  std::string option = field == "start" ? "init" : field;
  if (option.ends_with("labels_fingerprint")) option.erase(option.size() - std::string("_fingerprint").size());
  std::ranges::replace(option, '_', '-');
  return "--" + option;
}

/// A change of this option that only continues what the state has done so far.
bool continues(hid_t group, const Field& field, const FitOptions& options, const FitState& state) {
  if (field.name == "n_init" && options.short_runs > 0) return false;  // it says which run is the long one
  if (field.name == "n_init") return std::get<std::int64_t>(field.value) >= std::max(1, state.restart);
  if (state.restart > 0) return false;
  if (field.name == "tol" && options.accelerate == Acceleration::none)  // else the path depends on it, too
    return std::get<double>(field.value) <= h5::read_attribute<double>(group, "tol");
  if (field.name == "max_iter") return std::get<std::int64_t>(field.value) >= state.n_iter;
  return false;
}

void check_same_fit(hid_t group, const std::string& name, const FitOptions& options, const DataSummary& data,
                    const FitState& state) {
  const auto refuse = [&](const std::string& what, const std::string& before, const std::string& now) {
    throw CheckpointMismatch(
        fmt::format("{}: is of another fit ({} was {}, now {}): run with the former value, choose "
                    "another --checkpoint prefix, or give --force to set it aside",
                    name, what, before, now));
  };
  const auto fingerprint = h5::read_attribute<std::string>(group, "data_fingerprint");
  if (fingerprint != data.fingerprint) refuse("the data fingerprint", fingerprint, data.fingerprint);
  if (const bool was_model = h5::has_attribute(group, "start"); was_model != options.start.has_value())
    refuse("--init", was_model ? "model" : stored_text(group, "init"), init_name(options.init));
  const std::vector<Field> numeric = numeric_options(options);
  for (const auto& [name, usual, is_integer] : kOptionsWithDefaults) {
    const auto now = std::ranges::find(numeric, name, &Field::name);
    const std::string before = h5::has_attribute(group, name) ? stored_text(group, name, is_integer) : usual,
                      after = now != numeric.end() ? text_of(now->value) : usual;
    if (before != after) refuse(option_name(name), before, after);
  }
  const std::string transformed =
                        h5::has_attribute(group, "transform") ? stored_text(group, "transform") : "none",
                    transform =
                        options.transform.empty() ? "none" : digest(transform_fields(options.transform));
  if (transformed != transform)
    refuse("what --standardize or --pca makes of the rows", transformed, transform);
  for (const Field& field : numeric) {
    const std::string before =
                          stored_text(group, field.name, std::holds_alternative<std::int64_t>(field.value)),
                      now = text_of(field.value);
    if (before == now || continues(group, field, options, state)) continue;
    refuse(option_name(field.name), before, now);
  }
}

}  // namespace

std::vector<std::byte> encode_checkpoint(const FitState& s, const FitOptions& options,
                                         const DataSummary& data) {
  std::vector<Field> fields{{"", "filetype", std::string("gmmpi-checkpoint"), false},
                            {"", "format_version", kFormatVersion, false},
                            {"", "gmmpi_version", std::string(GMMPI_VERSION), false}};
  for (Field& field : numeric_options(options)) fields.push_back(std::move(field));
  fields.push_back({"options", "data_fingerprint", data.fingerprint, false});
  const auto add = [&](const char* group, const char* name, Field::Value value) {
    fields.push_back({group, name, std::move(value), false});
  };
  add("state", "restart", std::int64_t{s.restart});
  add("state", "phase", static_cast<std::int64_t>(s.phase));
  add("state", "seeding_rounds", std::int64_t{s.seeding_rounds});
  add("state", "lloyd_iterations", std::int64_t{s.lloyd_iterations});
  add("state", "n_iter", std::int64_t{s.n_iter});
  add("state", "n_recentred", std::int64_t{s.n_recentred});
  add("state", "n_rejected", std::int64_t{s.n_rejected});
  add("state", "n_sweeps", s.n_sweeps);
  add("state", "just_reseeded", std::int64_t{s.just_reseeded});
  add("state", "centers", column(s.centers));
  add("state", "log_likelihood", column(s.history));
  add("state", "classification_log_likelihood", column(s.classification));
  add("state", "seconds", column(s.seconds));
  add("state", "reseeds", reseed_table(s.reseeds));
  for (Field& field : trace_fields(s.traces, "state")) fields.push_back(std::move(field));
  if (!s.model.weights.empty())
    for (Field& field : parameter_fields(s.model, "model")) fields.push_back(std::move(field));
  if (options.engine == Engine::stepwise || options.engine == Engine::sequential) {
    add("state", "running_sums", column(s.running_sums));
    add("state", "n_batches_done", s.n_batches_done);
    add("state", "pass_log_likelihood", s.pass_log_likelihood);
  }
  if (!s.previous.weights.empty())
    for (Field& field : parameter_fields(s.previous, "previous")) fields.push_back(std::move(field));
  if (options.accelerate != Acceleration::none) add_acceleration(s.acceleration, fields);
  add("best", "restart_log_likelihood", column(s.best.restart_log_likelihoods));
  add("best", "reseeds", reseed_table(s.best.reseeds));
  add("best", "n_recentred", std::int64_t{s.best.n_recentred});
  add("best", "n_rejected", std::int64_t{s.best.n_rejected});
  add("best", "n_sweeps", s.best.n_sweeps);
  if (!s.best.history.empty()) {
    add("best", "log_likelihood", column(s.best.history));
    add("best", "classification_log_likelihood", column(s.best.classification));
    add("best", "seconds", column(s.best.seconds));
    add("best", "converged", std::int64_t{s.best.converged});
    add("best", "n_iter", std::int64_t{s.best.n_iter});
    add("best", "best_restart", std::int64_t{s.best.best_restart});
    for (Field& field : trace_fields(s.best.traces, "best")) fields.push_back(std::move(field));
    for (Field& field : parameter_fields(s.best.model, "best")) fields.push_back(std::move(field));
  }
  std::vector<std::byte> bytes = h5::make_image([&](hid_t file) { write_fields(file, fields); });
  const Trailer trailer = make_trailer(bytes);
  const auto tail = std::as_bytes(std::span(&trailer, 1));
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}

FitState decode_checkpoint(std::span<const std::byte> bytes, const std::string& name,
                           const FitOptions& options, const DataSummary& data) {
  const auto image = checked_image(bytes, name);
  const h5::Handle file = h5::open_image(image, name), root = h5::open_group(file, "/");
  if (const auto version = h5::read_attribute<std::int64_t>(root, "format_version");
      version != kFormatVersion)
    throw CheckpointMismatch(
        fmt::format("{}: has format version {}, this program reads {}: use the program that wrote it", name,
                    version, kFormatVersion));
  const h5::Handle group = h5::open_group(file, "/state"), best = h5::open_group(file, "/best");
  const auto integer = [](hid_t g, const char* key) {
    return static_cast<int>(h5::read_attribute<std::int64_t>(g, key));
  };
  const auto numbers = [](hid_t g, const char* key) { return h5::read_dataset<double>(g, key); };
  FitState s;
  s.restart = integer(group, "restart");
  s.phase = static_cast<FitState::Phase>(integer(group, "phase"));
  s.seeding_rounds = integer(group, "seeding_rounds");
  s.lloyd_iterations = integer(group, "lloyd_iterations");
  s.n_iter = integer(group, "n_iter");
  s.n_recentred = integer(group, "n_recentred");
  s.n_rejected = integer(group, "n_rejected");
  s.n_sweeps = h5::read_attribute<std::int64_t>(group, "n_sweeps");
  s.just_reseeded = integer(group, "just_reseeded") != 0;
  s.centers = numbers(group, "centers");
  s.history = numbers(group, "log_likelihood");
  s.classification = numbers(group, "classification_log_likelihood");
  s.seconds = numbers(group, "seconds");
  s.reseeds = reseeds_of_table(h5::read_dataset<std::int64_t>(group, "reseeds"));
  check_same_fit(h5::open_group(file, "/options"), name, options, data, s);
  s.traces = read_traces(group);
  if (options.engine == Engine::stepwise || options.engine == Engine::sequential) {
    s.running_sums = numbers(group, "running_sums");
    s.n_batches_done = h5::read_attribute<std::int64_t>(group, "n_batches_done");
    s.pass_log_likelihood = h5::read_attribute<double>(group, "pass_log_likelihood");
  }
  if (h5::exists(file, "/model")) s.model = read_parameters(h5::open_group(file, "/model"), name);
  if (h5::exists(file, "/previous")) s.previous = read_parameters(h5::open_group(file, "/previous"), name);
  if (options.accelerate != Acceleration::none)
    s.acceleration = read_acceleration(h5::open_group(file, "/acceleration"), name);
  s.best.restart_log_likelihoods = numbers(best, "restart_log_likelihood");
  s.best.reseeds = reseeds_of_table(h5::read_dataset<std::int64_t>(best, "reseeds"));
  s.best.n_recentred = integer(best, "n_recentred");
  s.best.n_rejected = integer(best, "n_rejected");
  s.best.n_sweeps = h5::read_attribute<std::int64_t>(best, "n_sweeps");
  if (s.restart > 0) {
    s.best.history = numbers(best, "log_likelihood");
    s.best.classification = numbers(best, "classification_log_likelihood");
    s.best.seconds = numbers(best, "seconds");
    s.best.traces = read_traces(best);
    s.best.converged = integer(best, "converged") != 0;
    s.best.n_iter = integer(best, "n_iter");
    s.best.best_restart = integer(best, "best_restart");
    s.best.model = read_parameters(best, name);
  }
  return s;
}

}  // namespace gmmpi
