// What a fit's last sweep tells is what score computes in a pass of its own, and the pass is gone.
#include <catch2/catch.hpp>
#include <functional>

#include "gmmpi/inference/score.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::FitOptions;
using gmmpi::Init;

/// Counts the passes over other data.
class CountedData final : public gmmpi::Data {
 public:
  explicit CountedData(const gmmpi::Data& data) : gmmpi::Data(data), data_(data) {}
  void for_each_block(const gmmpi::Execution& execution,
                      const std::function<void(const gmmpi::Block&, int)>& work) const override {
    ++n_passes;
    data_.for_each_block(execution, work);
  }
  std::vector<double> row(gmmpi::Index i) const override { return data_.row(i); }
  double weight(gmmpi::Index i) const override { return data_.weight(i); }

  mutable int n_passes = 0;

 private:
  const gmmpi::Data& data_;
};

/// Keeps the last state from which a fit could be continued.
struct LastState final : gmmpi::FitObserver {
  void safe_point(const gmmpi::FitState& state) override { last = state; }
  gmmpi::FitState last;
};

struct Case {
  const char* name;
  int n_passes;  ///< that the score of the fit takes
  std::function<void(FitOptions&)> change;
};

/// Rows 0, 10, 20, ... of a known class, or all of them.
std::shared_ptr<const gmmpi::RowLabels> classes(const gmmpi::Execution& execution, const gmmpi::Data& data,
                                                int n, bool all) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(all || i % 10 == 0 ? i / 5 % 3 : -1);
  in_memory::VectorReader reader(values, 1);
  return std::make_shared<gmmpi::RowLabels>(execution, data, reader, 3);
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"converged", 0, [](FitOptions&) {}},
      {"one component", 0, [](FitOptions& f) { f.n_components = 1; }},
      {"out of M-steps", 0, [](FitOptions& f) { f.max_iter = 5; }},
      {"no M-step", 0, [](FitOptions& f) { f.max_iter = 0; }},
      {"without end", 0, [](FitOptions& f) { f.tol = 0.0, f.max_iter = 7; }},
      {"accelerated", 0, [](FitOptions& f) { f.accelerate = gmmpi::Acceleration::lbfgs; }},
      {"hard", 0, [](FitOptions& f) { f.engine = &gmmpi::find_engine("hard"), f.n_components = 7; }},
      {"restarts", 0, [](FitOptions& f) { f.n_init = 3, f.init = Init::random_from_data; }},
      {"short runs", 0,
       [](FitOptions& f) { f.n_init = 3, f.short_runs = 2, f.init = Init::random_from_data; }},
      {"noise", 0, [](FitOptions& f) { f.noise.emplace(); }},
      {"prior", 0, [](FitOptions& f) { f.prior.emplace(); }},
      {"student", 0,
       [](FitOptions& f) {
         f.component = &gmmpi::find_component("student");
         f.own = gmmpi::OwnOptions{};
       }},
      {"nothing skipped", 1, [](FitOptions& f) { f.skip = false; }},
      {"k-means", 1, [](FitOptions& f) { f.engine = &gmmpi::find_engine("kmeans"); }},
      {"stepwise", 1, [](FitOptions& f) { f.engine = &gmmpi::find_engine("stepwise"); }},
  };
  return all;
}

/// Eight columns and ten components, so that densities are left early.
FitOptions usual() {
  FitOptions f;
  f.n_components = 10;
  f.structure = &gmmpi::find_structure("full");
  f.seed = 2;
  return f;
}

void check(const gmmpi::Execution& execution, const gmmpi::Data& rows, const FitOptions& f, int n_passes) {
  const CountedData data(rows);
  LastState observer;
  const gmmpi::FitResult result = gmmpi::fit(execution, data, f, observer);
  const gmmpi::ScoreOptions counting{f.labels.get(), {}};
  data.n_passes = 0;
  const gmmpi::Score told = gmmpi::score_of_fit(execution, data, result, counting);
  CHECK(data.n_passes == n_passes);
  const gmmpi::Score computed = gmmpi::score(execution, data, result.model, counting);
  CHECK(told.log_likelihood == computed.log_likelihood);
  CHECK(told.mean_log_likelihood == computed.mean_log_likelihood);
  CHECK(told.map_entropy == computed.map_entropy);
  CHECK(told.aic == computed.aic);
  CHECK(told.bic == computed.bic);
  CHECK(told.icl == computed.icl);
  CHECK(told.inertia == computed.inertia);
  gmmpi::FitState last = observer.last;
  last.map_entropy.reset();  // as from a checkpoint, which does not hold it
  last.best.map_entropy.reset();
  const gmmpi::FitResult resumed = gmmpi::fit(execution, data, f, observer, &last);
  CHECK(gmmpi::score_of_fit(execution, data, resumed, counting).icl == told.icl);
  const bool overlaps = f.n_components > 1 && !(f.labels && f.labels->complete());
  CHECK((computed.map_entropy > 1e-3) == overlaps);
}

}  // namespace

TEST_CASE("score of a fit: to the bit what a pass computes, in fits that end each way", "[mpi]") {
  const gmmpi::Execution execution = in_memory::on(test_world(), 2);
  const int n = 1500, d = 8;
  const std::vector<double> values = in_memory::clusters(n, d, 10, 2.0, 11);
  std::vector<double> weights(n, 1.0);
  for (int i = 0; i < n; ++i) weights[i] = i % 7 * 0.5;
  const auto plain = in_memory::make_data(execution, values, d);
  const auto weighted = in_memory::make_data(execution, values, d, weights);
  for (const Case& c : cases()) {
    INFO(c.name);
    FitOptions f = usual();
    c.change(f);
    for (const gmmpi::Data* data : {&plain, &weighted}) check(execution, *data, f, c.n_passes);
  }
  for (const bool all : {false, true})
    for (const char* engine : {"em", "hard"}) {
      INFO("labels " << all << " " << engine);
      FitOptions f = usual();
      f.n_components = 3;
      f.engine = &gmmpi::find_engine(engine);
      f.labels = classes(execution, weighted, n, all);
      check(execution, weighted, f, 0);
    }
}
