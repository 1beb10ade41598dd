// Fits with labels, prior and fixed parameters go on from the checkpoint of any safe point to the same bits.
#include <catch2/catch.hpp>

#include "gmmpi/io/checkpoint.hpp"
#include "support/in_memory.hpp"

namespace {

using in_memory::alone;

/// The checkpoints of all safe points.
class Recorder final : public gmmpi::FitObserver {
 public:
  Recorder(const gmmpi::FitOptions& options, const gmmpi::DataSummary& data)
      : options_(options), data_(data) {}
  void safe_point(const gmmpi::FitState& state) override {
    checkpoints.push_back(gmmpi::encode_checkpoint(state, options_, data_));
  }
  std::vector<std::vector<std::byte>> checkpoints;

 private:
  const gmmpi::FitOptions& options_;
  const gmmpi::DataSummary& data_;
};

}  // namespace

TEST_CASE("checkpoint: labels, prior and fixed parameters resume to the same bits from everywhere",
          "[serial]") {
  const auto rows = reference::load_data("iris");
  const auto data = in_memory::make_data(alone(), rows.values, rows.d());
  std::vector<double> classes(150, -1.0);
  classes[0] = classes[1] = 0;
  classes[120] = 2;  // classes 1 and 3 are seeded
  in_memory::VectorReader reader(classes, 1);
  gmmpi::FitOptions options;
  options.structure = &gmmpi::find_structure("full");
  options.n_components = 4;
  options.n_init = 2;
  options.max_iter = 6;
  options.labels = std::make_shared<gmmpi::RowLabels>(alone(), data, reader, 4);
  options.prior = gmmpi::PriorOptions();
  options.prior->weight = 1.5;
  options.fixed.weights = true;
  Recorder recorder(options, data.summary());
  const auto whole = gmmpi::fit(alone(), data, options, recorder);
  CHECK(recorder.checkpoints.size() >= 2 * (2 + 6));  // two seeds, then M-steps
  for (const auto& checkpoint : recorder.checkpoints) {
    const auto state = gmmpi::decode_checkpoint(checkpoint, "c.h5", options, data.summary());
    gmmpi::FitObserver nobody;
    const auto again = gmmpi::fit(alone(), data, options, nobody, &state);
    CHECK(in_memory::same_bits(again.traces["log_posterior"], whole.traces["log_posterior"]));
    CHECK(in_memory::same_bits(again.history, whole.history));
    CHECK(in_memory::same_bits(again.model.covariances, whole.model.covariances));
    CHECK(again.best_restart == whole.best_restart);
  }
}

TEST_CASE("checkpoint: one of another engine, prior, label or fixed parameter is refused", "[serial]") {
  const auto rows = reference::load_data("iris");
  const auto data = in_memory::make_data(alone(), rows.values, rows.d());
  std::vector<double> classes(150, 0.0);
  classes[149] = 1.0;
  in_memory::VectorReader reader(classes, 1);
  gmmpi::FitOptions plain;
  plain.structure = &gmmpi::find_structure("diag");
  plain.n_components = 2;
  std::vector<gmmpi::FitOptions> all(5, plain);
  all[1].engine = &gmmpi::find_engine("hard");
  all[2].prior = gmmpi::PriorOptions();
  all[3].fixed.means = true;
  all[4].labels = std::make_shared<gmmpi::RowLabels>(alone(), data, reader, 2);
  const char* names[] = {"", "`engine`", "`prior`", "`fix`", "`labels`"};
  for (std::size_t a = 0; a < all.size(); ++a)
    for (std::size_t b = 0; b < all.size(); ++b) {
      const auto bytes = gmmpi::encode_checkpoint({}, all[a], data.summary());
      if (a == b)
        CHECK_NOTHROW(gmmpi::decode_checkpoint(bytes, "c.h5", all[b], data.summary()));
      else
        CHECK_THROWS_WITH(gmmpi::decode_checkpoint(bytes, "c.h5", all[b], data.summary()),
                          Catch::Contains(a == 0 ? names[b] : "is of another fit (`"));
    }
}
