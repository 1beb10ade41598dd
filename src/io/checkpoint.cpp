// Encoding and decoding of checkpoints.
#include "gmmpi/io/checkpoint.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "io/fit_fields.hpp"
#include "io/state_fields.hpp"

namespace gmmpi {

namespace {

constexpr std::int64_t kFormatVersion = 2;
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

/// As errors name the option of a field.
std::string option_name(const std::string& field) {
  std::string option = field == "start" ? "init" : field;
  if (option.ends_with("labels_fingerprint"))
    option.erase(option.size() - std::string("_fingerprint").size());
  return "`" + option + "`";
}

/// A change of this option that only continues what has been done in `n_iter` iterations of this restart.
bool continues(hid_t group, const Field& field, const FitOptions& options, std::int64_t restart,
               std::int64_t n_iter) {
  if (field.name == "n_init" && options.short_runs > 0) return false;  // it says which run is the long one
  if (field.name == "n_init")
    return std::get<std::int64_t>(field.value) >= std::max<std::int64_t>(1, restart);
  if (restart > 0) return false;
  if (field.name == "tol" && options.accelerate == Acceleration::none)  // else the path depends on it, too
    return std::get<double>(field.value) <= h5::read_attribute<double>(group, "tol");
  if (field.name == "max_iter") return std::get<std::int64_t>(field.value) >= n_iter;
  return false;
}

/// CheckpointMismatch unless the file is of this fit, or of the begin of it.
void check_same_fit(hid_t file, const std::string& name, const FitOptions& options, const DataSummary& data) {
  const h5::Handle group = h5::open_group(file, "/options"), state = h5::open_group(file, "/state");
  const auto restart = h5::read_attribute<std::int64_t>(state, "restart"),
             n_iter = h5::read_attribute<std::int64_t>(state, "n_iter");
  const auto refuse = [&](const std::string& what, const std::string& before, const std::string& now) {
    throw CheckpointMismatch(
        fmt::format("{}: is of another fit ({} was {}, now {}): run with the former value, choose "
                    "another `checkpoint` prefix, or give `force` to set it aside",
                    name, what, before, now));
  };
  const auto fingerprint = h5::read_attribute<std::string>(group, "data_fingerprint");
  if (fingerprint != data.fingerprint) refuse("the data fingerprint", fingerprint, data.fingerprint);
  if (const bool was_model = h5::has_attribute(group, "start"); was_model != options.start.has_value())
    refuse("`init`", was_model ? "model" : stored_text(group, "init"), init_name(options.init));
  const std::vector<Field> numeric = numeric_options(options);
  for (const auto& [name, usual, is_integer] : options_with_defaults()) {
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
    refuse("what `standardize` or `pca` makes of the rows", transformed, transform);
  for (const Field& field : numeric) {
    const std::string before =
                          stored_text(group, field.name, std::holds_alternative<std::int64_t>(field.value)),
                      now = text_of(field.value);
    if (before == now || continues(group, field, options, restart, n_iter)) continue;
    refuse(option_name(field.name), before, now);
  }
}

}  // namespace

std::vector<std::byte> encode_checkpoint(const FitState& given, const FitOptions& options,
                                         const DataSummary& data) {
  FitState state = given;  // the tables hold places in it
  if (!state.engine.has_value()) state.engine = options.engine->state(options);
  std::vector<Field> fields{{"", "filetype", std::string("gmmpi-checkpoint"), false},
                            {"", "format_version", kFormatVersion, false},
                            {"", "gmmpi_version", std::string(GMMPI_VERSION), false},
                            {"options", "data_fingerprint", data.fingerprint, false}};
  const auto add = [&](std::vector<Field> more) {
    for (Field& field : more) fields.push_back(std::move(field));
  };
  add(numeric_options(options));
  add(stored_fields(state_fields(state, options)));
  add(stored_fields(state.engine.fields()));
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
  check_same_fit(file, name, options, data);
  FitState state;
  state.engine = options.engine->state(options);
  read_state_fields(file, name, state_fields(state, options));
  read_state_fields(file, name, state.engine.fields());
  return state;
}

}  // namespace gmmpi
