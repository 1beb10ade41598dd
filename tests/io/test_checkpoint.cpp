// Tests of encoded checkpoints: every state survives, every damage and every mismatch is noticed.
// covers: src/io/fit_fields.cpp
#include "gmmpi/io/checkpoint.hpp"

#include <limits>
#include <random>

#include "checkpoint_support.hpp"
#include "em/engines/em_loop.hpp"
#include "gmmpi/em/engine_options.hpp"
#include "support/world.hpp"

using namespace checkpoint_test;

namespace {

/// A member of what an engine keeps, by its name.
std::int64_t count(EngineState state, const std::string& name) {
  for (const StateField& field : state.fields())
    if (field.name == name) return *std::get<std::int64_t*>(field.place);
  throw std::logic_error("no such member");
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
      CHECK(back.seeding_rounds == state.seeding_rounds);
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
  state.seeding_rounds = 4;
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
  CHECK(back.seeding_rounds == 4);
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

TEST_CASE("checkpoint: a start in rounds, or from a subsample, goes on from any of its states") {
  FitOptions options = RecordedFit::options_for("diag");
  options.n_components = 20;
  options.n_init = 1;
  options.max_iter = 1;
  const RecordedFit in_rounds(options, in_memory::clusters(3'000, 2, 20, 8.0, 9), 2);
  CHECK(std::ranges::any_of(in_rounds.states, [](const FitState& s) { return s.seeding_rounds > 0; }));
  check_continued_from_anywhere(in_rounds);
  const RecordedFit of_subsample(options, in_memory::clusters(33'000, 2, 10, 8.0, 9), 2);
  CHECK(std::ranges::none_of(of_subsample.states,
                             [](const FitState& s) { return s.phase == FitState::Phase::lloyd; }));
  CHECK(of_subsample.states.size() > 20);  // before each pass over the subsample
  check_continued_from_anywhere(of_subsample);
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

TEST_CASE("checkpoint: a fit at the variance floor continued from any of its states gives the same bits") {
  // The third column is the sum of the others, but for rounding that the floor hides.
  std::vector<double> rows = in_memory::clusters(300, 3, 3, 0.7, 3);
  for (std::size_t n = 0; n < 300; ++n) rows[3 * n + 2] = rows[3 * n] + rows[3 * n + 1];
  for (const Acceleration acceleration : {Acceleration::none, Acceleration::lbfgs})
    for (const std::string type : {"full", "tied"}) {
      INFO(type);
      FitOptions options = RecordedFit::options_for(type);
      options.reg_covar.reset();
      options.accelerate = acceleration;
      options.max_iter = 20;
      const RecordedFit fit(options, rows, 3);
      CHECK(fit.result.model.floored == std::vector<int>{0, 1, 2});
      check_continued_from_anywhere(fit);
    }
}

TEST_CASE("checkpoint: an accelerated fit continued from any of its states gives the same bits") {
  int n_rejected = 0;
  for (const std::string& type : kTypes) {
    INFO(type);
    FitOptions options = RecordedFit::options_for(type);
    options.accelerate = Acceleration::lbfgs;
    options.max_iter = 30;
    options.tol = 1e-8;
    const RecordedFit fit(options, in_memory::clusters(300, 2, 3, 0.7, 3), 2);
    int n_extrapolated = 0;
    std::size_t most_steps = 0;
    for (const FitState& state : fit.states) {
      const Bytes bytes = fit.encoded(state);
      CHECK(fit.encoded(fit.decoded(bytes)) == bytes);
      if (!state.engine.has_value()) continue;  // before the first restart
      const AccelerationState& path = state.engine.find<EmState>()->acceleration;
      n_extrapolated += path.extrapolated;
      most_steps = std::max(most_steps, path.steps.size());
    }
    CHECK(n_extrapolated > 20);
    CHECK(most_steps == 10);  // a full memory, from which steps are dropped
    n_rejected += fit.result.n_rejected;
    check_continued_from_anywhere(fit);
  }
  CHECK(n_rejected > 0);  // so that fits were resumed right before and after a rejection, too

  FitOptions options = RecordedFit::options_for("bernoulli");
  options.accelerate = Acceleration::lbfgs;
  options.max_iter = 30;
  options.tol = 1e-8;
  std::vector<double> binary = in_memory::clusters(300, 8, 3, 0.7, 3);
  for (double& x : binary) x = x > 0.0;
  check_continued_from_anywhere(RecordedFit(options, binary, 8));
}

TEST_CASE("checkpoint: an accelerated fit stopped anywhere goes on with other ranks and threads", "[mpi]") {
  FitOptions options = RecordedFit::options_for("full");
  options.accelerate = Acceleration::lbfgs;
  options.n_init = 1;
  options.max_iter = 40;
  options.tol = 1e-8;
  const std::vector<double> rows = in_memory::clusters(300, 2, 3, 0.7, 3);
  const RecordedFit fit(options, rows, 2);
  CHECK(fit.result.n_rejected > 0);
  const Execution all = in_memory::on(test_world(), 2);
  const MemoryData shared = in_memory::make_data(all, rows, 2);
  for (const FitState& state : fit.states) {
    const FitState back = fit.decoded(fit.encoded(state));
    FitObserver silent;
    const FitResult again = gmmpi::fit(all, shared, options, silent, &back);
    CHECK(same_bits(again.history, fit.result.history));
    CHECK(same_bits(again.model.means, fit.result.model.means));
    CHECK(same_bits(again.model.covariances, fit.result.model.covariances));
    CHECK(again.n_rejected == fit.result.n_rejected);
  }
}

TEST_CASE("checkpoint: a k-means fit continued from any of its states gives the same bits") {
  for (const Init init : {Init::kmeans, Init::random_from_data, Init::random}) {
    FitOptions options = RecordedFit::options_for("tied", init);
    options.engine = &gmmpi::find_engine("kmeans");
    options.n_components = 7;
    check_continued_from_anywhere(RecordedFit(options, in_memory::clusters(600, 3, 3, 1.5, 6), 3));
  }
}

TEST_CASE("checkpoint: a stepwise fit continued from any of its states gives the same bits") {
  for (const std::string& type : kTypes) {
    INFO(type);
    FitOptions options = RecordedFit::options_for(type, Init::random_from_data);
    options.engine = &gmmpi::find_engine("stepwise");
    options.engine_options = StepwiseOptions{.n_batches = 4};
    options.max_iter = 3;
    const RecordedFit fit(options, in_memory::clusters(600, 3, 3, 1.5, 6), 3);
    check_continued_from_anywhere(fit);
    options.engine_options = StepwiseOptions{4, 0.6};
    CHECK_THAT(refusal(fit.encoded(fit.last(0)), options, fit.data.summary()),
               Contains("`step_exponent` was auto, now 0.6"));
  }
}

TEST_CASE("checkpoint: sequential means continued from any of their states give the same bits") {
  for (const int n_batches : {0, 4}) {
    FitOptions options = RecordedFit::options_for("diag", Init::random_from_data);
    options.engine = &gmmpi::find_engine("sequential");
    options.engine_options = SequentialOptions{n_batches};
    options.max_iter = 3;
    options.tol = 0.0;
    // More than one leg of 64 blocks.
    const RecordedFit fit(options, in_memory::clusters(4'200, 2, 3, 1.5, 6), 3);
    CHECK(std::ranges::any_of(fit.states, [&](const FitState& s) {
      return count(s.engine, "n_batches_done") % (n_batches ? n_batches : 66) != 0 && s.n_iter == 1;
    }));
    check_continued_from_anywhere(fit);
    options.engine_options = SequentialOptions{3};
    CHECK_THAT(refusal(fit.encoded(fit.last(0)), options, fit.data.summary()),
               Contains(fmt::format("`batches` was {}, now 3", n_batches)));
  }
}

TEST_CASE("checkpoint: a traced fit continued from any of its states gives the same bits") {
  for (const Acceleration accelerate : {Acceleration::none, Acceleration::lbfgs}) {
    FitOptions options = RecordedFit::options_for("full");
    options.trace_bound = true;
    options.accelerate = accelerate;
    options.max_iter = 30;
    options.tol = 1e-8;
    const RecordedFit fit(options, in_memory::clusters(300, 2, 3, 0.7, 3), 2);
    check_continued_from_anywhere(fit);
    FitOptions untraced = options;
    untraced.trace_bound = false;
    CHECK_THAT(refusal(fit.encoded(fit.last(0)), untraced, fit.data.summary()),
               Contains("`trace` was elbo, now none"));
  }
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
  refuses([](FitOptions& o) { o.n_components = 4; }, "`n_components` was 3, now 4");
  refuses([](FitOptions& o) { o.structure = &find_structure("diag"); },
          "`covariance_type` was full, now diag");
  refuses([](FitOptions& o) { o.init = Init::random; }, "`init` was kmeans, now random");
  refuses([](FitOptions& o) { o.seed = 7; }, "`seed` was 0, now 7");
  refuses([](FitOptions& o) { o.tol = 0.5; }, "`tol` was 1e-05, now 0.5");
  refuses([](FitOptions& o) { o.max_iter = 1; }, "`max_iter` was 12, now 1");
  refuses([](FitOptions& o) { o.fail_on_collapse = true; }, "`on_collapse` was reseed, now fail");
  refuses([](FitOptions& o) { o.reg_covar = 0.25; }, "`reg_covar` was auto, now 0.25");
  refuses([](FitOptions& o) { o.accelerate = Acceleration::lbfgs; }, "`accelerate` was none, now lbfgs");
}

TEST_CASE("checkpoint: of an accelerated fit it is refused by a plain one, and with another tolerance") {
  // Where a step is extrapolated depends on the tolerance: a smaller one would not merely continue the fit.
  const FitOptions accelerated = changed([](FitOptions& o) { o.accelerate = Acceleration::lbfgs; });
  const RecordedFit other(accelerated, in_memory::clusters(600, 3, 3, 1.5, 5), 3);
  const Bytes bytes = encode_checkpoint(other.last(0), accelerated, other.data.summary());
  CHECK_NOTHROW(other.decoded(bytes, accelerated));
  CHECK_THAT(refusal(bytes), Contains("`accelerate` was lbfgs, now none"));
  FitOptions tighter = accelerated, longer = accelerated;
  tighter.tol = 1e-9;
  longer.max_iter = 1000;
  CHECK_THAT(refusal(bytes, tighter), Contains("`tol` was 1e-05, now 1e-09"));
  CHECK_NOTHROW(other.decoded(bytes, longer));
}

TEST_CASE("checkpoint: of another engine it is refused, whichever came first") {
  const auto with = [&](const Engine* engine) { return changed([&](FitOptions& o) { o.engine = engine; }); };
  const auto written_with = [&](const Engine* engine) {
    return encode_checkpoint(recorded().last(0), with(engine), recorded().data.summary());
  };
  CHECK_NOTHROW(
      recorded().decoded(written_with(&gmmpi::find_engine("hard")), with(&gmmpi::find_engine("hard"))));
  CHECK_THAT(refusal(written_with(&gmmpi::find_engine("hard"))), Contains("`engine` was hard, now em"));
  CHECK_THAT(refusal(written_with(&gmmpi::find_engine("em")), with(&gmmpi::find_engine("hard"))),
             Contains("`engine` was em, now hard"));
  CHECK_THAT(refusal(written_with(&gmmpi::find_engine("hard")), with(&gmmpi::find_engine("kmeans"))),
             Contains("`engine` was hard, now kmeans"));
}

TEST_CASE("checkpoint: of another --reg-covar or start model it is refused with both values") {
  const auto written_with = [&](const FitOptions& options) {
    return encode_checkpoint(recorded().last(0), options, recorded().data.summary());
  };
  const Bytes number = written_with(changed([](FitOptions& o) { o.reg_covar = 0.5; }));
  CHECK_THAT(refusal(number), Contains("`reg_covar` was 0.5, now auto"));
  CHECK_THAT(refusal(number, changed([](FitOptions& o) { o.reg_covar = 0.25; })),
             Contains("`reg_covar` was 0.5, now 0.25"));

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
  CHECK_THAT(refusal(started), Contains("`init` was model, now kmeans"));
  CHECK_THAT(refusal(written_with(recorded().options), from_model(1.0)),
             Contains("`init` was kmeans, now model"));
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
  // The first restart ended under the former options: now only another number of restarts continues it.
  CHECK_THAT(refusal(second, more_iterations), Contains("`max_iter` was 12, now 1000"));
  CHECK_THAT(refusal(second, tighter), Contains("`tol` was 1e-05, now 1e-09"));
  CHECK_NOTHROW(recorded().decoded(second, more_restarts));
  // As many restarts as are done: the best of them is the result.
  const FitState done = recorded().decoded(second, one_restart);
  FitObserver silent;
  CHECK(same_bits(gmmpi::fit(alone(), recorded().data, one_restart, silent, &done).history,
                  gmmpi::fit(alone(), recorded().data, one_restart, silent).history));
}
