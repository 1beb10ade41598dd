// CheckpointStore: finding, writing, pruning generations.
#include "gmmpi/io/checkpoint_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "io/atomic_file.hpp"
#include "io/run_lock.hpp"

namespace gmmpi {

namespace fs = std::filesystem;

namespace {

constexpr long kMostGenerations = 1'000'000'000'000'000;

fs::path directory_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::vector<std::byte> read_bytes(const std::string& path) {
  const InputFile file(path, path);
  try {
    std::vector<std::byte> bytes(static_cast<std::size_t>(file.size()));
    file.read(0, bytes);
    return bytes;
  } catch (const std::bad_alloc&) {
    throw Error(ExitCode::checkpoint_refused, path + ": damaged (too large to be read)");
  }
}

}  // namespace

std::string run_at_work(const std::string& checkpoint) {
  const std::size_t stem = checkpoint.rfind(".ckpt.");
  return stem == std::string::npos ? "" : holder_of(checkpoint.substr(0, stem) + ".ckpt.lock");
}

CheckpointStore::CheckpointStore(std::string prefix)
    : prefix_(std::move(prefix)),
      stem_(prefix_ + ".ckpt."),
      lock_(std::make_unique<RunLock>(prefix_ + ".ckpt.lock")) {}

CheckpointStore::CheckpointStore(std::string prefix, std::string lock_text)
    : prefix_(std::move(prefix)),
      stem_(prefix_ + ".ckpt."),
      lock_(std::make_unique<RunLock>(prefix_ + ".ckpt.lock", std::move(lock_text))) {}

CheckpointStore::~CheckpointStore() = default;

std::string CheckpointStore::lock_text() const {
  return lock_->text();
}

void CheckpointStore::set_part(const std::string& part) {
  stem_ = prefix_ + ".ckpt." + (part.empty() ? "" : part + ".");
}

std::vector<CheckpointStore::Generation> CheckpointStore::generations() const {
  const std::string stem = fs::path(stem_).filename().string(), ending = ".h5";
  std::vector<Generation> found;
  const fs::path directory = directory_of(prefix_);
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(stem) || !name.ends_with(ending) || name.size() <= stem.size() + ending.size())
      continue;
    const char *first = name.data() + stem.size(), *last = name.data() + name.size() - ending.size();
    long number = 0;
    if (const auto [end, bad] = std::from_chars(first, last, number);
        bad == std::errc() && end == last && number >= 0 && number < kMostGenerations)
      found.push_back({number, (directory / name).string()});
  }
  // Not an empty list: the fit would start anew, though there may be checkpoints.
  if (error)
    throw Error(
        error == std::errc::permission_denied ? ExitCode::no_permission : ExitCode::io_failed,
        fmt::format("{}: cannot be listed ({}): make it readable for you, or give `checkpoint` another "
                    "prefix",
                    directory.string(), error.message()));
  std::ranges::sort(found, std::greater(), &Generation::number);
  return found;
}

std::optional<CheckpointStore::Loaded> CheckpointStore::load(const FitOptions& options,
                                                             const DataSummary& data) const {
  std::vector<std::string> problems;
  for (const Generation& generation : generations()) {
    try {
      std::vector<std::byte> bytes = read_bytes(generation.path);
      FitState state = decode_checkpoint(bytes, generation.path, options, data);
      return Loaded{std::move(state), std::move(bytes), generation.path, problems};
    } catch (const CheckpointMismatch&) {
      throw;
    } catch (const Error& e) {
      problems.emplace_back(e.what());
    }
  }
  if (problems.empty()) return std::nullopt;
  std::string all;
  for (const std::string& problem : problems) all += (all.empty() ? "" : "; ") + problem;
  throw Error(ExitCode::checkpoint_refused,
              fmt::format("no sound checkpoint: {}: restore one, or start anew with `resume` never", all));
}

std::string CheckpointStore::write(std::span<const std::byte> bytes) {
  const std::vector<Generation> before = generations();
  const long number = before.empty() ? 0 : before.front().number + 1;
  const std::string path = fmt::format("{}{}.h5", stem_, number);
  AtomicFile file(Communicator::single(), path);
  file.write(0, bytes);
  const std::vector<std::byte> back = read_bytes(file.temporary());
  if (back.size() != bytes.size() || std::memcmp(back.data(), bytes.data(), back.size()) != 0)
    throw Error(ExitCode::io_failed, path + ": what was written cannot be read back; check that disk");
  lock_->check();
  file.commit();
  std::error_code ignored;  // the new generation counts; what stays is tried again at the next
  for (std::size_t i = std::size_t{kKept} - 1; i < before.size(); ++i) fs::remove(before[i].path, ignored);
  return path;
}

void CheckpointStore::check_lock() const {
  lock_->check();
}

void CheckpointStore::refresh_lock() const {
  lock_->refresh();
}

void CheckpointStore::set_aside() {
  for (const Generation& generation : generations()) {
    std::string name;
    for (int i = 0; name.empty() || fs::exists(name); ++i)
      name = fmt::format("{}.aside.{}", generation.path, i);
    std::error_code error;
    fs::rename(generation.path, name, error);
    if (error)
      throw Error(ExitCode::io_failed,
                  fmt::format("{}: cannot be set aside ({})", generation.path, error.message()));
  }
}

void CheckpointStore::remove_all() {
  std::string stays;
  for (const Generation& generation : generations()) {
    std::error_code error;
    if (!fs::remove(generation.path, error) && error)
      stays = fmt::format("{}: cannot be removed ({}): remove it by hand", generation.path, error.message());
  }
  if (!stays.empty()) throw Error(ExitCode::io_failed, stays);
}

void remove_leftovers(const std::string& given) {
  std::error_code error;
  const fs::path path = fs::is_symlink(given, error) ? fs::canonical(given, error) : fs::path(given);
  const std::string stem = fmt::format(".{}.", path.filename().string());
  error.clear();
  std::error_code ignored;
  fs::directory_iterator entry(directory_of(path), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(stem) && name.find(".tmp.", stem.size() - 1) != std::string::npos &&
        name.find(".lock.tmp.") == std::string::npos)  // a waiting run may be linking it
      fs::remove(entry->path(), ignored);
  }
}

}  // namespace gmmpi
