// What the tests of checkpoints share: a small fit of which every state is recorded.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "gmmpi/io/checkpoint.hpp"
#include "io_support.hpp"
#include "support/in_memory.hpp"

namespace checkpoint_test {

using namespace gmmpi;
using namespace io_test;
using in_memory::alone;
using in_memory::same_bits;

using Bytes = std::vector<std::byte>;

inline const std::vector<std::string> kTypes = {"full", "tied", "diag", "spherical"};

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
    in_memory::set_kind(options, type);
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

inline const RecordedFit& recorded() {
  static const RecordedFit fit("full");
  return fit;
}

/// "76 message" of a refusal of these bytes.
inline std::string refusal(const Bytes& bytes, const FitOptions& options = recorded().options,
                           const DataSummary& data = recorded().data.summary()) {
  return error_of([&] { decode_checkpoint(bytes, "it", options, data); });
}

inline FitOptions changed(const std::function<void(FitOptions&)>& change) {
  FitOptions options = recorded().options;
  change(options);
  return options;
}

inline void write_bytes(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

inline Bytes with_flipped_bit(Bytes bytes, std::size_t bit) {
  bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  return bytes;
}

inline void check_continued_from_anywhere(const RecordedFit& fit) {
  for (const FitState& state : fit.states) {
    const FitState back = fit.decoded(fit.encoded(state));
    FitObserver silent;
    const FitResult again = gmmpi::fit(alone(), fit.data, fit.options, silent, &back);
    CHECK(same_bits(again.history, fit.result.history));
    CHECK(same_bits(again.model.weights, fit.result.model.weights));
    CHECK(same_bits(again.model.means, fit.result.model.means));
    CHECK(same_bits(again.model.covariances, fit.result.model.covariances));
    CHECK(same_bits(again.restart_log_likelihoods, fit.result.restart_log_likelihoods));
    CHECK(same_bits(again.traces["inertia"], fit.result.traces["inertia"]));
    CHECK(same_bits(again.traces["running_log_likelihood"], fit.result.traces["running_log_likelihood"]));
    CHECK(same_bits(again.traces["elbo"], fit.result.traces["elbo"]));
    CHECK(same_bits(again.traces["kl"], fit.result.traces["kl"]));
    CHECK(same_bits(again.traces["parameter_change"], fit.result.traces["parameter_change"]));
    CHECK(again.n_iter == fit.result.n_iter);
    CHECK(again.n_recentred == fit.result.n_recentred);
    CHECK(again.n_rejected == fit.result.n_rejected);
    CHECK(again.n_sweeps == fit.result.n_sweeps);
    CHECK(again.best_restart == fit.result.best_restart);
    CHECK(again.reseeds.size() == fit.result.reseeds.size());
  }
}

inline std::string lock_text(const std::string& prefix) {
  return read_file(prefix + ".ckpt.lock");
}

}  // namespace checkpoint_test
