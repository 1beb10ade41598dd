// Checkpointing: when, where, and what the watching thread does.
#include "app/checkpointing.hpp"

#include <fmt/format.h>

#include <charconv>
#include <csignal>

#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kWatchPause = std::chrono::milliseconds(20);
constexpr auto kRefreshPause = std::chrono::seconds(5);

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// "5it" to 5.
std::int64_t iterations_of(const std::string& text) {
  std::int64_t n = 0;
  const char* last = text.data() + text.size() - 2;
  if (const auto [end, error] = std::from_chars(text.data(), last, n);
      error != std::errc() || end != last || n < 1)
    throw Error(ExitCode::usage,
                "--checkpoint-every: '" + text + "' is no number of iterations; write one such as 5it");
  return n;
}

std::string where(const FitState& s) {
  static constexpr const char* phases[] = {"seeding", "k-means", "iteration"};
  return fmt::format("restart {}, {} {}", s.restart, phases[static_cast<int>(s.phase)],
                     s.phase == FitState::Phase::em ? s.n_iter : s.lloyd_iterations);
}

}  // namespace

Checkpointing::Checkpointing(const Communicator& world, const Communicator& group, const Options& options,
                             StopRequest& stop, RunLog& log)
    : world_(world), comm_(group), options_(options), stop_(stop), log_(log) {
  std::string prefix = options.text("checkpoint"), lock_text;
  if (prefix.empty()) {
    prefix = options.text("output");
    if (prefix.ends_with(".h5")) prefix.resize(prefix.size() - 3);
  }
  world_.together([&] {
    const std::string every = options.text("checkpoint-every");
    writes_ = every != "never";
    if (every.ends_with("it")) {
      every_iterations_ = iterations_of(every);
    } else if (writes_) {
      every_seconds_ = options.duration("checkpoint-every");
    }
    must_ = options.text("resume") == "must";
    if (!world_.is_root()) return;
    store_ = std::make_unique<CheckpointStore>(prefix);
    lock_text = store_->lock_text();
    remove_leftovers(prefix + ".ckpt");
    remove_leftovers(options.text("output"));
  });
  world_.broadcast(lock_text);
  if (comm_.is_root() && !store_) store_ = std::make_unique<CheckpointStore>(prefix, lock_text);
  if (store_) watcher_ = std::thread([this] { watch(); });
}

Checkpointing::~Checkpointing() {
  release();
}

void Checkpointing::end_watch() {
  const std::lock_guard lock(mutex_);
  watching_ = false;
}

Error Checkpointing::nothing_to_resume() const {
  return Error(ExitCode::no_input, "--resume must: there is no checkpoint of " + options_.text("output") +
                                       ": start with --resume auto");
}

void Checkpointing::check_any(const std::vector<std::string>& parts) {
  world_.together([&] {
    if (!must_) return;
    must_ = false;
    if (!world_.is_root()) return;
    for (const std::string& part : parts) {
      store_->set_part(part);
      if (store_->has_any()) return;
    }
    throw nothing_to_resume();
  });
}

void Checkpointing::end_of_groups() {
  own_ = true;
  if (!world_.is_root()) release();
}

std::optional<FitState> Checkpointing::load(const FitOptions& options, const DataSummary& data) {
  fit_options_ = &options;
  data_ = &data;
  const std::string how = own_ ? "auto" : options_.text("resume");
  std::optional<CheckpointStore::Loaded> loaded;
  std::string bytes;
  comm_.together([&] {
    if (!store_ || how == "never") return;
    try {
      loaded = store_->load(options, data);
    } catch (const Error& e) {
      if (e.code() != ExitCode::checkpoint_refused || !options_.flag("force")) throw;
      log_.warning(std::string(e.what()) + "; set aside (--force)");
      store_->set_aside();
    }
    if (!loaded && must_) throw nothing_to_resume();
    if (!loaded) return;
    must_ = false;
    const std::vector<std::byte> encoded = encode_checkpoint(loaded->state, options, data);
    bytes.assign(reinterpret_cast<const char*>(encoded.data()), encoded.size());
    if (own_) return;
    for (const std::string& warning : loaded->warnings) log_.warning(warning + "; an older one is used");
    const bool done = loaded->state.restart >= options.n_runs();
    log_.line(fmt::format("resumed from {} ({})", loaded->path, done ? "done" : where(loaded->state)));
    log_.event("resume", {{"resumed_from_iteration", loaded->state.n_iter},
                          {"restart", loaded->state.restart},
                          {"phase", static_cast<int>(loaded->state.phase)},
                          {"checkpoint", loaded->path}});
  });
  comm_.broadcast(bytes);
  if (bytes.empty()) return std::nullopt;
  std::optional<FitState> state;
  comm_.together(
      [&] { state = decode_checkpoint(std::as_bytes(std::span(bytes)), "checkpoint", options, data); });
  return state;
}

void Checkpointing::start(const FitState& state) {
  comm_.together([&] {
    if (!store_ || !writes_) return;
    const std::lock_guard lock(mutex_);
    noted_ = std::make_shared<FitState>(state);
    write_noted();
  });
}

bool Checkpointing::due() const {
  if (every_iterations_ > 0) return sweeps_since_ >= every_iterations_;
  return seconds_since(last_time_) >= every_seconds_;
}

void Checkpointing::safe_point(const FitState& state) {
  if (!store_ || !writes_) return;
  auto noted = std::make_shared<FitState>(state);
  const std::lock_guard lock(mutex_);
  noted_ = std::move(noted);
  noted_is_written_ = false;
  ++sweeps_since_;
  if (due()) try_to_write();
}

void Checkpointing::confirm() const {
  if (store_) store_->check_lock();
}

void Checkpointing::write_noted() {
  const auto begin = Clock::now();
  last_time_ = begin;
  sweeps_since_ = 0;
  last_path_ = store_->write(encode_checkpoint(*noted_, *fit_options_, *data_));
  noted_is_written_ = true;
  ++n_written_;
  seconds_ += seconds_since(begin);
  log_.event("checkpoint", {{"path", last_path_},
                            {"restart", noted_->restart},
                            {"iteration", noted_->n_iter},
                            {"seconds", seconds_since(begin)}});
}

void Checkpointing::try_to_write() {
  try {
    write_noted();
  } catch (const LockLost&) {
    lost_ = std::current_exception();  // thrown on all ranks by stopped()
    stop_.request(SIGABRT);
  } catch (const std::exception& e) {
    log_.warning(fmt::format("checkpoint not written, tried again at the next interval: {}", e.what()));
  }
}

void Checkpointing::watch() {
  auto refreshed = Clock::now();
  std::unique_lock pause(done_mutex_);
  for (bool tried = false; !done_changed_.wait_for(pause, kWatchPause, [this] { return done_; });) {
    if (Clock::now() - refreshed >= kRefreshPause) {
      store_->refresh_lock();
      refreshed = Clock::now();
    }
    if (tried || !stop_.signalled()) continue;
    const std::lock_guard lock(mutex_);
    tried = noted_ != nullptr;
    try {
      if (watching_ && noted_ && !noted_is_written_ && !lost_) write_noted();
    } catch (const std::exception&) {
      // Tried again, and reported, when all ranks have stopped.
    }
  }
}

std::string Checkpointing::stopped() {
  std::string message;
  comm_.together([&] {
    if (!comm_.is_root()) return;
    if (!store_ || !noted_) {
      message = "no checkpoint was kept; run again to start anew";
      return;
    }
    const std::lock_guard lock(mutex_);
    if (lost_) std::rethrow_exception(lost_);
    if (!noted_is_written_) write_noted();
    message =
        fmt::format("checkpoint {} ({}); run the same command again to continue", last_path_, where(*noted_));
  });
  comm_.broadcast(message);
  return message;
}

void Checkpointing::begin_part(const std::string& name) {
  if (!store_) return;
  const std::lock_guard lock(mutex_);
  noted_.reset();  // what was noted is done, and written
  noted_is_written_ = true;
  store_->set_part(name);
}

void Checkpointing::finish_part(const FitState& done) {
  start(done);
}

void Checkpointing::drop_part() {
  if (!store_) return;
  const std::lock_guard lock(mutex_);
  noted_.reset();
  store_->remove_all();
}

void Checkpointing::finish(const std::string& output, const std::vector<std::string>& parts) {
  end_watch();
  if (!store_) return;
  try {
    store_->check_lock();
    for (const std::string& part : parts) {
      store_->set_part(part);
      store_->remove_all();
    }
  } catch (const Error& e) {
    log_.warning(e.what());  // the model is in place
  }
  remove_leftovers(output);
  release();
}

bool Checkpointing::has_leftovers(const FitOptions& options, const DataSummary& data) const {
  try {
    return store_ && store_->load(options, data);
  } catch (const Error&) {
    return false;
  }
}

void Checkpointing::give_up() {
  end_watch();
  if (store_ && noted_ && noted_->restart == 0) store_->remove_all();
}

void Checkpointing::release() {
  {
    const std::lock_guard lock(done_mutex_);
    done_ = true;
  }
  done_changed_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  store_.reset();
}

}  // namespace gmmpi::app
