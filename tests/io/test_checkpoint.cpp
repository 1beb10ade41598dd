// Tests of checkpoints: every state survives, every damage and every mismatch is noticed, older generations
// help.
#include "gmmpi/io/checkpoint.hpp"

#include <cstring>
#include <limits>
#include <random>

#include "gmmpi/io/checkpoint_store.hpp"
#include "io_support.hpp"
#include "support/in_memory.hpp"

using namespace gmmpi;
using namespace io_test;
using in_memory::alone;
using in_memory::same_bits;

namespace {

using Bytes = std::vector<std::byte>;

const std::vector<std::string> kTypes = {"full", "tied", "diag", "spherical"};

/// A small fit whose states are all recorded: two restarts of seeding, k-means and EM.
struct RecordedFit final : FitObserver {
  FitOptions options;
  MemoryData data;
  std::vector<FitState> states;
  FitResult result;

  explicit RecordedFit(const std::string& type)
      : RecordedFit(options_for(type), in_memory::clusters(600, 3, 3, 1.5, 5), 3) {}
  RecordedFit(const FitOptions& o, const std::vector<double>& rows, int d)
      : options(o), data(in_memory::make_data(alone(), rows, d)) {
    result = fit(alone(), data, options, *this);
  }
  static FitOptions options_for(const std::string& type, Init init = Init::kmeans) {
    FitOptions options;
    options.n_components = 3;
    options.family = &find_family(type);
    options.init = init;
    options.n_init = 2;
    options.tol = 1e-5;
    options.max_iter = 12;
    return options;
  }
  void safe_point(const FitState& state) override { states.push_back(state); }

  Bytes encoded(const FitState& state) const { return encode_checkpoint(state, options, data.summary()); }
  FitState decoded(const Bytes& bytes) const { return decoded(bytes, options); }
  FitState decoded(const Bytes& bytes, const FitOptions& now) const {
    return decode_checkpoint(bytes, "it", now, data.summary());
  }
  /// The last safe point of a phase in a restart.
  const FitState& last(int restart, FitState::Phase phase = FitState::Phase::em) const {
    for (auto s = states.rbegin(); s != states.rend(); ++s)
      if (s->restart == restart && s->phase == phase) return *s;
    throw std::logic_error("no such state");
  }
};

const RecordedFit& recorded() {
  static const RecordedFit fit("full");
  return fit;
}

/// "76 message" of a refusal of these bytes.
std::string refusal(const Bytes& bytes, const FitOptions& options = recorded().options,
                    const DataSummary& data = recorded().data.summary()) {
  return error_of([&] { decode_checkpoint(bytes, "it", options, data); });
}

FitOptions changed(const std::function<void(FitOptions&)>& change) {
  FitOptions options = recorded().options;
  change(options);
  return options;
}

void write_bytes(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

Bytes with_flipped_bit(Bytes bytes, std::size_t bit) {
  bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  return bytes;
}

void check_continued_from_anywhere(const RecordedFit& fit) {
  for (const FitState& state : fit.states) {
    const FitState back = fit.decoded(fit.encoded(state));
    FitObserver silent;
    const FitResult again = gmmpi::fit(alone(), fit.data, fit.options, silent, &back);
    CHECK(same_bits(again.history, fit.result.history));
    CHECK(same_bits(again.model.weights, fit.result.model.weights));
    CHECK(same_bits(again.model.means, fit.result.model.means));
    CHECK(same_bits(again.model.covariances, fit.result.model.covariances));
    CHECK(same_bits(again.restart_log_likelihoods, fit.result.restart_log_likelihoods));
    CHECK(again.n_iter == fit.result.n_iter);
    CHECK(again.n_recentred == fit.result.n_recentred);
    CHECK(again.best_restart == fit.result.best_restart);
    CHECK(again.reseeds.size() == fit.result.reseeds.size());
  }
}

std::string lock_text(const std::string& prefix) {
  return read_file(prefix + ".ckpt.lock");
}

}  // namespace

TEST_CASE("checkpoint: every state of a fit comes back bit for bit, and equal states give equal bytes") {
  for (const std::string& type : kTypes) {
    const RecordedFit fit(type);
    bool phases[3] = {};
    for (const FitState& state : fit.states) {
      const Bytes bytes = fit.encoded(state);
      const FitState back = fit.decoded(bytes);
      CHECK(fit.encoded(back) == bytes);
      CHECK(back.restart == state.restart);
      CHECK(back.phase == state.phase);
      CHECK(back.n_iter == state.n_iter);
      CHECK(back.lloyd_iterations == state.lloyd_iterations);
      CHECK(same_bits(back.centers, state.centers));
      CHECK(same_bits(back.history, state.history));
      CHECK(same_bits(back.best.history, state.best.history));
      CHECK(back.best.n_iter == state.best.n_iter);
      if (state.phase == FitState::Phase::em) {
        CHECK(same_bits(back.model.weights, state.model.weights));
        CHECK(same_bits(back.model.means, state.model.means));
        CHECK(same_bits(back.model.covariances, state.model.covariances));
      }
      phases[static_cast<int>(state.phase)] = true;
    }
    CHECK((phases[0] && phases[1] && phases[2]));
    CHECK(fit.states.back().restart == 1);
  }
}

TEST_CASE("checkpoint: reseeds, flags and the oddest numbers come back") {
  FitState state = recorded().last(1);
  state.just_reseeded = true;
  state.n_recentred = 3;
  state.reseeds = {{1, 2, 0, 599}, {1, 3, 2, Index{1} << 40}};
  state.best.reseeds = {{0, 1, 1, 7}};
  state.best.n_recentred = 5;
  state.history = {-0.0, std::numeric_limits<double>::denorm_min(), -std::numeric_limits<double>::infinity(),
                   std::numeric_limits<double>::quiet_NaN()};
  const Bytes bytes = recorded().encoded(state);
  const FitState back = recorded().decoded(bytes);
  CHECK(same_bits(back.history, state.history));
  CHECK(back.just_reseeded);
  CHECK(back.n_recentred == 3);
  CHECK(back.best.n_recentred == 5);
  REQUIRE(back.reseeds.size() == 2);
  CHECK(back.reseeds[1].row == Index{1} << 40);
  CHECK(back.reseeds[1].component == 2);
  REQUIRE(back.best.reseeds.size() == 1);
  CHECK(back.best.reseeds[0].row == 7);
}

TEST_CASE("checkpoint: a fit continued from any of its states gives the same bits") {
  for (const std::string& type : kTypes) check_continued_from_anywhere(RecordedFit(type));
  for (const Init init : {Init::kmeans_plusplus, Init::random, Init::random_from_data})
    check_continued_from_anywhere(
        RecordedFit(RecordedFit::options_for("full", init), in_memory::clusters(600, 3, 3, 1.5, 6), 3));
}

TEST_CASE("checkpoint: a fit with reseeds continued from any of its states gives the same bits") {
  // 100 scattered rows, 30 copies of one row, and a start with a component on the copies: it must become
  // singular.
  std::vector<double> rows = in_memory::clusters(130, 2, 1, 0.0, 8);
  std::fill(rows.begin() + 200, rows.end(), 20.0);
  FitOptions options = RecordedFit::options_for("full", Init::model);
  options.n_components = 2;
  options.reg_covar = 0.0;
  options.start = in_memory::make_model(
      "full", reference::Parameters{{0.7, 0.3}, {0, 0, 20, 20}, {1, 0, 0, 1, 1, 0, 0, 1}});
  const RecordedFit fit(options, rows, 2);
  CHECK_FALSE(fit.result.reseeds.empty());
  check_continued_from_anywhere(fit);
}

TEST_CASE("checkpoint: every flipped bit is noticed") {
  std::mt19937_64 random(20);
  std::size_t missed = 0;
  for (const FitState* state : {&recorded().last(0, FitState::Phase::seeding), &recorded().last(1)}) {
    const Bytes bytes = recorded().encoded(*state);
    const std::size_t n_bits = 8 * bytes.size(), trailer = 8 * 32;
    const auto noticed = [&](std::size_t bit) {
      return refusal(with_flipped_bit(bytes, bit)).starts_with("76 it: damaged (");
    };
    for (int i = 0; i < 500; ++i) missed += !noticed(random() % n_bits);
    for (std::size_t bit = n_bits - trailer; bit < n_bits; ++bit) missed += !noticed(bit);
  }
  CHECK(missed == 0);
}

TEST_CASE("checkpoint: files that are cut, filled, extended or foreign are damaged") {
  const Bytes bytes = recorded().encoded(recorded().last(1));
  REQUIRE_NOTHROW(recorded().decoded(bytes));
  const auto damaged = StartsWith("76 it: damaged (");
  for (std::size_t size = 0; size < bytes.size(); size += 512)
    CHECK_THAT(refusal(Bytes(bytes.begin(), bytes.begin() + std::ptrdiff_t(size))), damaged);
  CHECK_THAT(refusal(Bytes(bytes.begin(), bytes.end() - 1)), damaged);
  CHECK_THAT(refusal(Bytes(bytes.size())), damaged);
  Bytes tail_of_zeros = bytes;
  std::fill(tail_of_zeros.end() - 4096, tail_of_zeros.end(), std::byte{0});
  CHECK_THAT(refusal(tail_of_zeros), damaged);
  Bytes longer = bytes;
  longer.resize(longer.size() + 512);
  CHECK_THAT(refusal(longer), damaged);
  const Bytes image(bytes.begin(), bytes.end() - 32);  // a sound HDF5 file, but without a checksum
  CHECK_THAT(refusal(image), damaged);
  const std::string text(5000, 'x');
  const auto foreign = std::as_bytes(std::span(text));
  CHECK_THAT(refusal({foreign.begin(), foreign.end()}), damaged);
}

TEST_CASE("checkpoint: of other data or options it is refused with both values") {
  const Bytes bytes = recorded().encoded(recorded().last(0));
  DataSummary other = recorded().data.summary();
  const std::string before = other.fingerprint;
  other.fingerprint = "something else";
  const std::string message = refusal(bytes, recorded().options, other);
  CHECK_THAT(message, StartsWith("76 it: is of another fit"));
  CHECK_THAT(message, Contains("was " + before + ", now something else"));
  CHECK_THROWS_AS(decode_checkpoint(bytes, "it", recorded().options, other), CheckpointMismatch);

  const auto refuses = [&](const std::function<void(FitOptions&)>& change, const std::string& words) {
    CHECK_THAT(refusal(bytes, changed(change)), StartsWith("76 it: is of another fit") && Contains(words));
  };
  refuses([](FitOptions& o) { o.n_components = 4; }, "--n-components was 3, now 4");
  refuses([](FitOptions& o) { o.family = &find_family("diag"); }, "--covariance-type was full, now diag");
  refuses([](FitOptions& o) { o.init = Init::random; }, "--init was kmeans, now random");
  refuses([](FitOptions& o) { o.seed = 7; }, "--seed was 0, now 7");
  refuses([](FitOptions& o) { o.tol = 0.5; }, "--tol was 1e-05, now 0.5");
  refuses([](FitOptions& o) { o.max_iter = 1; }, "--max-iter was 12, now 1");
  refuses([](FitOptions& o) { o.fail_on_collapse = true; }, "--on-collapse was reseed, now fail");
  refuses([](FitOptions& o) { o.reg_covar = 0.25; }, "--reg-covar was auto, now 0.25");
}

TEST_CASE("checkpoint: of another --reg-covar or start model it is refused with both values") {
  const auto written_with = [&](const FitOptions& options) {
    return encode_checkpoint(recorded().last(0), options, recorded().data.summary());
  };
  const Bytes number = written_with(changed([](FitOptions& o) { o.reg_covar = 0.5; }));
  CHECK_THAT(refusal(number), Contains("--reg-covar was 0.5, now auto"));
  CHECK_THAT(refusal(number, changed([](FitOptions& o) { o.reg_covar = 0.25; })),
             Contains("--reg-covar was 0.5, now 0.25"));

  const auto from_model = [&](double scale) {
    return changed([&](FitOptions& o) {
      o.init = Init::model;
      o.start = recorded().result.model;
      o.start->means[0] *= scale;
    });
  };
  const Bytes started = written_with(from_model(1.0));
  CHECK_NOTHROW(recorded().decoded(started, from_model(1.0)));
  CHECK_THAT(refusal(started, from_model(2.0)), StartsWith("76 it: is of another fit"));
  CHECK_THAT(refusal(started), Contains("--init was model, now kmeans"));
  CHECK_THAT(refusal(written_with(recorded().options), from_model(1.0)),
             Contains("--init was kmeans, now model"));
}

TEST_CASE("checkpoint: what only continues the fit may change") {
  const Bytes first = recorded().encoded(recorded().last(0)), second = recorded().encoded(recorded().last(1));
  const int n_iter = recorded().last(0).n_iter;
  const auto more_iterations = changed([](FitOptions& o) { o.max_iter = 1000; });
  const auto fewer_but_enough = changed([&](FitOptions& o) { o.max_iter = n_iter; });
  const auto tighter = changed([](FitOptions& o) { o.tol = 1e-9; });
  const auto more_restarts = changed([](FitOptions& o) { o.n_init = 10; });
  const auto one_restart = changed([](FitOptions& o) { o.n_init = 1; });

  for (const FitOptions& options : {more_iterations, fewer_but_enough, tighter, more_restarts, one_restart}) {
    const FitState back = recorded().decoded(first, options);
    FitObserver silent;
    const FitResult continued = gmmpi::fit(alone(), recorded().data, options, silent, &back);
    const FitResult anew = gmmpi::fit(alone(), recorded().data, options, silent);
    CHECK(same_bits(continued.history, anew.history));
    CHECK(same_bits(continued.model.covariances, anew.model.covariances));
  }
  // The first restart ended under the former options: now only more restarts continue it.
  CHECK_THAT(refusal(second, more_iterations), Contains("--max-iter was 12, now 1000"));
  CHECK_THAT(refusal(second, tighter), Contains("--tol was 1e-05, now 1e-09"));
  CHECK_THAT(refusal(second, one_restart), Contains("--n-init was 2, now 1"));
  CHECK_NOTHROW(recorded().decoded(second, more_restarts));
}

TEST_CASE("checkpoint store: three generations are kept, and all are removed at the end") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  const Bytes bytes = recorded().encoded(recorded().last(0));
  {
    CheckpointStore store(prefix);
    for (int i = 0; i < 5; ++i) {
      CHECK(store.write(bytes) == prefix + ".ckpt." + std::to_string(i) + ".h5");
      CHECK(dir.n_entries() == 1 + std::min<std::size_t>(i + 1, 3));  // and the lock
    }
    CHECK_FALSE(std::filesystem::exists(prefix + ".ckpt.1.h5"));
    CHECK(std::filesystem::exists(prefix + ".ckpt.2.h5"));
    store.remove_all();
    CHECK(dir.n_entries() == 1);
  }
  CHECK(dir.n_entries() == 0);
}

TEST_CASE("checkpoint store: what only looks like a generation is left alone") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  const std::vector<std::string> others = {"run.ckpt.h5",    "run.ckpt..h5",  "run.ckpt.1.h5.old",
                                           "run.ckpt.-1.h5", "run.ckpt.x.h5", "run2.ckpt.1.h5",
                                           "run.ckpt.1x.h5", "run.h5",        ".run.h5.tmp.5",
                                           "run.ckpt.1.1.h5"};
  for (const std::string& name : others) write_file(dir / name, "x");
  CheckpointStore store(prefix);
  CHECK_FALSE(store.load(recorded().options, recorded().data.summary()));
  CHECK(store.write(recorded().encoded(recorded().last(0))) == prefix + ".ckpt.0.h5");
  store.remove_all();
  store.set_aside();
  for (const std::string& name : others) CHECK(read_file(dir / name) == "x");
  CHECK(dir.n_entries() == others.size() + 1);
}

TEST_CASE("checkpoint store: the newest sound generation wins, with a warning for each damaged one") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  CheckpointStore store(prefix);
  const auto load = [&] { return store.load(recorded().options, recorded().data.summary()); };
  CHECK_FALSE(load());
  const std::vector<FitState>& states = recorded().states;
  for (int i : {1, 2, 3}) store.write(recorded().encoded(states[i]));
  REQUIRE(load());
  CHECK(load()->path == prefix + ".ckpt.2.h5");
  CHECK(load()->warnings.empty());
  CHECK(recorded().encoded(load()->state) == recorded().encoded(states[3]));

  write_bytes(prefix + ".ckpt.2.h5", with_flipped_bit(recorded().encoded(states[3]), 12345));
  REQUIRE(load());
  CHECK(load()->path == prefix + ".ckpt.1.h5");
  REQUIRE(load()->warnings.size() == 1);
  CHECK_THAT(load()->warnings[0], StartsWith(prefix + ".ckpt.2.h5: damaged (its checksum is wrong)"));
  CHECK(recorded().encoded(load()->state) == recorded().encoded(states[2]));

  write_bytes(prefix + ".ckpt.1.h5", {});
  std::filesystem::remove(prefix + ".ckpt.2.h5");
  std::filesystem::create_directory(prefix + ".ckpt.2.h5");
  REQUIRE(load());
  CHECK(load()->path == prefix + ".ckpt.0.h5");
  CHECK(load()->warnings.size() == 2);
  // The next generation's number is above that of the damaged ones.
  CHECK(store.write(recorded().encoded(states[4])) == prefix + ".ckpt.3.h5");
  CHECK(load()->path == prefix + ".ckpt.3.h5");
}

TEST_CASE("checkpoint store: when all are damaged it says what is wrong with each and deletes nothing") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  CheckpointStore store(prefix);
  const Bytes sound = recorded().encoded(recorded().last(0));
  write_bytes(prefix + ".ckpt.0.h5", with_flipped_bit(sound, 777));
  write_bytes(prefix + ".ckpt.1.h5", {});
  write_bytes(prefix + ".ckpt.2.h5", Bytes(10));
  write_bytes(prefix + ".ckpt.3.h5", Bytes(sound.size() / 2));
  const std::string message = error_of([&] { store.load(recorded().options, recorded().data.summary()); });
  CHECK_THAT(message, StartsWith("76 no sound checkpoint: "));
  CHECK_THAT(message, Contains(".ckpt.0.h5: damaged (its checksum is wrong)"));
  CHECK_THAT(message, Contains(".ckpt.1.h5: the file is empty"));
  CHECK_THAT(message, Contains(".ckpt.2.h5: damaged (too short)"));
  CHECK_THAT(message, Contains(".ckpt.3.h5: damaged (truncated, or no gmmpi checkpoint)"));
  CHECK(dir.n_entries() == 5);

  store.set_aside();
  CHECK_FALSE(store.load(recorded().options, recorded().data.summary()));
  CHECK(dir.n_entries() == 5);
  CHECK(std::filesystem::exists(prefix + ".ckpt.3.h5.aside.0"));
  write_bytes(prefix + ".ckpt.3.h5", sound);
  store.set_aside();
  CHECK(std::filesystem::exists(prefix + ".ckpt.3.h5.aside.1"));
  CHECK(dir.n_entries() == 6);
}

TEST_CASE("checkpoint store: a sound checkpoint of another fit is refused, not passed over") {
  const TemporaryDirectory dir;
  CheckpointStore store(dir / "run");
  store.write(recorded().encoded(recorded().last(0)));
  const auto other = changed([](FitOptions& o) { o.seed = 8; });
  store.write(encode_checkpoint(recorded().last(0), other, recorded().data.summary()));
  CHECK_THROWS_AS(store.load(recorded().options, recorded().data.summary()), CheckpointMismatch);
}

TEST_CASE("checkpoint store: a write that fails leaves the older generations and no temporary file") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  CheckpointStore store(prefix);
  const Bytes bytes = recorded().encoded(recorded().last(0));
  for (int i = 0; i < 3; ++i) store.write(bytes);
  std::string error;
  {
    const FileSizeLimit limit(1000);
    error = error_of([&] { store.write(bytes); });
  }
  CHECK_THAT(error, StartsWith("74 " + prefix + ".ckpt.3.h5: cannot be written"));
  CHECK(dir.n_entries() == 4);
  CHECK(store.load(recorded().options, recorded().data.summary())->path == prefix + ".ckpt.2.h5");
  CHECK(store.write(bytes) == prefix + ".ckpt.3.h5");
}

TEST_CASE("checkpoint store: the lock names host, process and start time, and ends with the store") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  {
    const CheckpointStore store(prefix);
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    CHECK_THAT(lock_text(prefix), StartsWith(fmt::format("{} {} ", host, ::getpid())));
  }
  CHECK(dir.n_entries() == 0);
}

TEST_CASE("checkpoint store: the lock of a process that is gone is taken at once") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  std::string host;
  {
    const CheckpointStore store(prefix);
    host = lock_text(prefix).substr(0, lock_text(prefix).find(' '));
  }
  const auto begin = std::chrono::steady_clock::now();
  // No such process; and this process's number, but started at another time.
  for (const std::string& holder : {host + " 2000000000 1\n", fmt::format("{} {} 1\n", host, ::getpid())}) {
    write_file(prefix + ".ckpt.lock", holder);
    const CheckpointStore store(prefix);
    CHECK(lock_text(prefix) != holder);
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("checkpoint store: a writer whose lock was taken renames nothing and leaves the new lock") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  const Bytes bytes = recorded().encoded(recorded().last(0));
  {
    CheckpointStore store(prefix);
    store.write(bytes);
    write_file(prefix + ".ckpt.lock", "elsewhere 1 1\n");
    CHECK_THAT(error_of([&] { store.write(bytes); }),
               StartsWith("73 " + prefix + ".ckpt.lock: another run has taken over"));
    CHECK(dir.n_entries() == 2);
  }
  CHECK(lock_text(prefix) == "elsewhere 1 1\n");
}

TEST_CASE("checkpoint store: leftovers of killed runs are removed, and nothing else") {
  const TemporaryDirectory dir;
  for (const char* name :
       {".run.ckpt.7.h5.tmp.123", ".run.h5.tmp.9", "run.h5", ".run2.h5.tmp.9", ".runx", "tmp.run"})
    write_file(dir / name, "x");
  remove_leftovers(dir / "run.ckpt");
  remove_leftovers(dir / "run.h5");
  CHECK(dir.n_entries() == 4);
  CHECK_FALSE(std::filesystem::exists(dir / ".run.ckpt.7.h5.tmp.123"));
  CHECK_FALSE(std::filesystem::exists(dir / ".run.h5.tmp.9"));
}
