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
    : world_(world),
      comm_(group),
      options_(options),
      stop_(stop),
      log_(log),
      output_(options.text("output")) {
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
  if (output_is_there_) clean_up();
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
  if (!world_.is_root()) release();
}

void Checkpointing::begin_part(const std::string& part, const FitOptions& options, const DataSummary& data,
                               bool derived) {
  const std::lock_guard lock(mutex_);
  fit_options_ = &options;
  data_ = &data;
  derived_ = derived;
  noted_.reset();  // what was noted is done, and written
  noted_is_written_ = true;
  if (store_) store_->set_part(part);
}

/// On the rank that writes. With --force a mismatched or damaged one is renamed.
std::optional<CheckpointStore::Loaded> Checkpointing::load_or_set_aside(const std::string& how) {
  if (!store_ || how == "never") return std::nullopt;
  try {
    return store_->load(*fit_options_, *data_);
  } catch (const Error& e) {
    if (derived_ && dynamic_cast<const CheckpointMismatch*>(&e)) {
      store_->remove_all();
      return std::nullopt;
    }
    if (e.code() != ExitCode::checkpoint_refused || !options_.flag("force")) throw;
    log_.warning(std::string(e.what()) + "; set aside (--force)");
    store_->set_aside();
    return std::nullopt;
  }
}

std::optional<FitState> Checkpointing::load() {
  std::optional<CheckpointStore::Loaded> loaded;
  std::string bytes;
  comm_.together([&] {
    loaded = load_or_set_aside(own_ ? "auto" : options_.text("resume"));
    if (store_ && !loaded && must_) throw nothing_to_resume();
    if (!loaded) return;
    must_ = false;
    bytes.assign(reinterpret_cast<const char*>(loaded->bytes.data()), loaded->bytes.size());
    if (own_) return;
    for (const std::string& warning : loaded->warnings) log_.warning(warning + "; an older one is used");
    const bool done = loaded->state.restart >= fit_options_->n_runs();
    log_.line(fmt::format("resumed from {} ({})", loaded->path, done ? "done" : where(loaded->state)));
    log_.event("resume", {{"resumed_from_iteration", loaded->state.n_iter},
                          {"restart", loaded->state.restart},
                          {"phase", static_cast<int>(loaded->state.phase)},
                          {"checkpoint", loaded->path}});
  });
  comm_.broadcast(bytes);
  if (bytes.empty()) return std::nullopt;
  std::optional<FitState> state;
  comm_.together([&] {
    state = loaded ? std::move(loaded->state)
                   : decode_checkpoint(std::as_bytes(std::span(bytes)), "checkpoint", *fit_options_, *data_);
  });
  return state;
}

void Checkpointing::write_now(const FitState& state) {
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

void Checkpointing::note(const FitState& state) {
  if (!store_ || !writes_) return;
  auto noted = std::make_shared<FitState>(state);
  const std::lock_guard lock(mutex_);
  noted_ = std::move(noted);
  noted_is_written_ = false;
  ++sweeps_since_;
  if (due()) try_to_write();
}

void Checkpointing::put_output(const std::function<void()>& write, const std::vector<std::string>& parts) {
  end_watch();
  comm_.together([&] {
    if (!comm_.is_root()) return;
    store_->check_lock();
    write();
  });
  output_is_there_ = true;
  done_with_ = parts;
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

void Checkpointing::clean_up() {
  end_watch();
  if (!store_) return;
  try {
    store_->check_lock();
    for (const std::string& part : done_with_) {
      store_->set_part(part);
      store_->remove_all();
    }
    remove_leftovers(output_);
  } catch (const std::exception& e) {
    log_.warning(e.what());  // the output is in place
  }
}

void Checkpointing::drop_leftovers(const FitOptions& options, const DataSummary& data,
                                   const std::vector<std::string>& parts) {
  output_is_there_ = true;
  try {
    if (!store_) return;
    store_->set_part(parts.front());
    if (store_->load(options, data)) done_with_.insert(done_with_.end(), parts.begin(), parts.end());
  } catch (const Error&) {
    // damaged, or of another fit: not of the run that wrote the output
  }
}

void Checkpointing::give_up() {
  if (!store_) return;
  const std::lock_guard lock(mutex_);
  const bool holds_restarts = noted_ && noted_->restart > 0;
  noted_.reset();
  if (!holds_restarts) store_->remove_all();
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

CheckpointedFit::CheckpointedFit(Checkpointing& run, const FitOptions& options, const DataSummary& data,
                                 const std::string& part, bool derived)
    : run_(run), options_(options), part_(part) {
  run_.begin_part(part, options, data, derived);
  state_ = run_.load();
  if (!is_done()) run_.write_now(state_ ? *state_ : FitState());
}

void CheckpointedFit::safe_point(const FitState& state) {
  run_.note(state);
}

FitResult CheckpointedFit::run(const std::function<FitResult(const FitState*)>& compute) {
  try {
    FitResult result = compute(state_ ? &*state_ : nullptr);
    if (!part_.empty() && !is_done()) {
      FitState end;
      end.restart = options_.n_runs();
      end.best = result;
      run_.write_now(end);
    }
    return result;
  } catch (const Error& e) {
    if (e.code() == ExitCode::stopped_early) throw FitStopped(e, run_.stopped());
    if (e.code() == ExitCode::numerical || !part_.empty()) run_.give_up();
    throw;
  }
}

}  // namespace gmmpi::app
