// Backgrounds: a kind that the library does not know, judged by sums over rows, in files, and the registry.
// covers: src/model/backgrounds/registry.cpp, src/model/backgrounds/uniform.cpp
#include "gmmpi/model/background.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numbers>

#include "gmmpi/error.hpp"
#include "gmmpi/inference/moments.hpp"
#include "gmmpi/inference/score.hpp"
#include "gmmpi/io/model_file.hpp"
#include "io/io_support.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::BackgroundField;
using in_memory::alone;

/// Independent normals about the middle of the box, of half its sides.
class Broad final : public gmmpi::Background {
 public:
  Broad() = default;
  Broad(std::vector<double> centers, std::vector<double> deviations)
      : centers_(std::move(centers)), deviations_(std::move(deviations)) {}
  std::string_view name() const override { return "broad"; }
  std::int64_t n_parameters() const override { return 2 * std::ssize(centers_); }
  void check(const gmmpi::NoiseOptions&, const std::string&) const override {}
  std::shared_ptr<const Background> begin(const gmmpi::NoiseOptions& o,
                                          const gmmpi::KernelTable&) const override {
    std::vector<double> centers, deviations;
    for (std::size_t j = 0; j < o.minimum.size(); ++j) {
      centers.push_back(0.5 * (o.minimum[j] + o.maximum[j]));
      deviations.push_back(0.5 * (o.maximum[j] - o.minimum[j]));
    }
    return std::make_shared<Broad>(centers, deviations);
  }
  std::vector<BackgroundField> fields() const override {
    return {{"center", "about", false, centers_}, {"deviation", "deviation", false, deviations_}};
  }
  std::shared_ptr<const Background> of(std::vector<BackgroundField> f) const override {
    return std::make_shared<Broad>(f[0].values, f[1].values);
  }
  void validate(int n_features, const std::string& name) const override {
    if (std::ssize(centers_) != n_features)
      throw gmmpi::Error(gmmpi::ExitCode::bad_data, name + ": not the noise of these columns");
  }
  gmmpi::BackgroundDensity density(double log_weight, double log_volume, std::span<const double>,
                                   const gmmpi::KernelTable&) const override {
    return
        [self = *this, of_all = log_weight + log_volume](const double* xt, const double* mask, double* out) {
          std::fill_n(out, gmmpi::kTileRows, of_all);
          for (std::size_t j = 0; j < self.centers_.size(); ++j)
            for (int r = 0; r < gmmpi::kTileRows; ++r) {
              const std::size_t e = j * gmmpi::kTileRows + r;
              const double z = (xt[e] - self.centers_[j]) / self.deviations_[j];
              const double log_density =
                  -0.5 * (z * z + std::log(2.0 * std::numbers::pi)) - std::log(self.deviations_[j]);
              out[r] += (mask ? mask[e] : 1.0) * log_density;
            }
        };
  }
  std::shared_ptr<const Background> of_columns(std::span<const int> columns,
                                               const gmmpi::KernelTable&) const override {
    std::vector<double> centers, deviations;
    for (const int j : columns) centers.push_back(centers_[j]), deviations.push_back(deviations_[j]);
    return std::make_shared<Broad>(centers, deviations);
  }
  std::vector<double> mean() const override { return centers_; }
  std::vector<double> variances() const override {
    std::vector<double> out;
    for (const double s : deviations_) out.push_back(s * s);
    return out;
  }
  void draw(const gmmpi::RowRandom& random, double* x) const override {
    for (std::size_t j = 0; j < centers_.size(); ++j) x[j] = centers_[j] + deviations_[j] * random(int(j));
  }

 private:
  std::vector<double> centers_, deviations_;
};

const gmmpi::Background& broad() {
  static const bool registered = [] {
    gmmpi::register_background(std::make_shared<Broad>());
    return true;
  }();
  (void)registered;
  return *gmmpi::find_background("broad");
}

/// Of the columns that are no NaN: ln w + sum_j ln N(x_j | mean_j, variance_j).
double log_share(double weight, std::span<const double> x, std::span<const double> mean,
                 std::span<const double> variances) {
  double sum = std::log(weight);
  for (std::size_t j = 0; j < x.size(); ++j)
    if (!std::isnan(x[j]))
      sum -= 0.5 * ((x[j] - mean[j]) * (x[j] - mean[j]) / variances[j] +
                    std::log(2.0 * std::numbers::pi * variances[j]));
  return sum;
}

struct Judgement {
  double log_likelihood = 0.0, noise_rows = 0.0;
};

/// By a loop over rows, of a mixture of diagonal covariances.
Judgement judge(const gmmpi::Mixture& m, const std::vector<double>& values) {
  const std::size_t d = m.n_features;
  const std::vector<double> center = m.noise->background->mean(), spread = m.noise->background->variances();
  Judgement judgement;
  for (std::size_t n = 0; n < values.size() / d; ++n) {
    const std::span<const double> x(values.data() + n * d, d);
    const double of_noise = std::exp(log_share(m.noise->weight, x, center, spread));
    double sum = of_noise;
    for (int k = 0; k < m.n_components; ++k)
      sum += std::exp(log_share(m.weights[k], x, m.mean(k), {m.covariance(k), d}));
    judgement.log_likelihood += std::log(sum);
    judgement.noise_rows += of_noise / sum;
  }
  return judgement;
}

/// Two clusters, and rows far about them.
std::vector<double> rows_with_strays() {
  std::vector<double> values = in_memory::clusters(400, 3, 2, 6.0, 5);
  for (std::size_t e = 0; e < values.size(); e += 3)
    for (std::size_t j = 0; j < 3 && e % 30 == 0; ++j) values[e + j] *= 4.0;
  return values;
}

gmmpi::FitOptions options_of(int max_iter) {
  gmmpi::FitOptions o;
  o.n_components = 2;
  o.structure = &gmmpi::find_structure("diag");
  o.noise.emplace().kind = broad().name();
  o.tol = 0.0;
  o.max_iter = max_iter;
  return o;
}

}  // namespace

TEST_CASE("background: a kind from outside is fitted as the equations say, with gaps, too", "[serial]") {
  std::vector<double> values = rows_with_strays();
  for (const bool gaps : {false, true}) {
    CAPTURE(gaps);
    for (std::size_t e = 0; e < values.size() && gaps; e += 7)
      values[e] = std::numeric_limits<double>::quiet_NaN();
    in_memory::VectorReader reader(values, 3);
    const gmmpi::MemoryData data(alone(), reader, nullptr, gaps ? gmmpi::Missing::em : gmmpi::Missing::error);
    const auto before = in_memory::fit(alone(), data, options_of(7));
    const auto after = in_memory::fit(alone(), data, options_of(8));
    const Judgement judgement = judge(before.model, values);
    CHECK(judgement.noise_rows > 10.0);
    CHECK(before.history.back() == Approx(judgement.log_likelihood).epsilon(1e-12));
    CHECK(after.model.noise->weight == Approx(judgement.noise_rows / 400.0).epsilon(1e-12));
    CHECK(gmmpi::score(alone(), data, before.model).log_likelihood ==
          Approx(judgement.log_likelihood).epsilon(1e-12));
    CHECK(before.model.n_parameters() == 1 + 6 + 6 + 1 + 6);
  }
}

TEST_CASE("background: files hold its name and its parameters, and give it back", "[serial]") {
  const io_test::TemporaryDirectory dir;
  const auto data = in_memory::make_data(alone(), rows_with_strays(), 3);
  gmmpi::ModelRecord record;
  record.options = options_of(3);
  record.data = data.summary();
  record.result = in_memory::fit(alone(), data, record.options);
  gmmpi::write_model(dir / "m.h5", record);
  const gmmpi::Mixture& written = record.result.model;
  const gmmpi::Mixture read = gmmpi::read_stored_model(alone(), dir / "m.h5").mixture;
  REQUIRE(read.noise);
  CHECK(read.noise->background->name() == "broad");
  CHECK(in_memory::same_bits(read.noise->background->mean(), written.noise->background->mean()));
  CHECK(in_memory::same_bits(read.noise->background->variances(), written.noise->background->variances()));
  const gmmpi::MixtureMoments moments = gmmpi::mixture_moments(read);
  double mean = read.noise->weight * read.noise->background->mean()[1];
  for (int k = 0; k < 2; ++k) mean += read.weights[k] * read.mean(k)[1];
  CHECK(moments.mean[1] == Approx(mean).epsilon(1e-12));
}

TEST_CASE("background: the registry knows kinds by their names", "[serial]") {
  CHECK(gmmpi::default_background()->name() == "uniform");
  CHECK(gmmpi::find_background("uniform") == gmmpi::default_background());
  CHECK_THROWS_AS(gmmpi::register_background(gmmpi::find_background("uniform")), std::logic_error);
  gmmpi::FitOptions o = options_of(1);
  o.noise->kind = "pink";
  const auto data = in_memory::make_data(alone(), rows_with_strays(), 3);
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, o),
                    Catch::Contains("noise of kind 'pink' is unknown; choose one of uniform"));
}
