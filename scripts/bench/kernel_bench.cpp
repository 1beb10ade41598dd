// The kernels, a tile at a time in cache, and DGEMM: rates for guard.py, on one thread.
//
// Flops per row and component are counted as in docs/performance.md: d^2 for a triangular product or a
// symmetric update, 4 d for the diagonal's part of either, d^3/3 + 3 d^2 for rows with errors. Names:
// kernel/columns, responsibilities/components.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "data/tile.hpp"
#include "gmmpi/kernels/aligned.hpp"
#include "gmmpi/model/mixture.hpp"
#include "kernels/scatter.hpp"
#include "kernels/table.hpp"
#include "model/log_density.hpp"
#include "parallel/exact_sum.hpp"

extern "C" {
void dgemm_(const char* trans_a, const char* trans_b, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* lda, const double* b, const int* ldb,
            const double* beta, double* c, const int* ldc);
void openblas_set_num_threads(int n);
char* openblas_get_corename();
}

namespace {

using namespace gmmpi;

constexpr int kComponents = 16;
constexpr int kTiles = 4;  // that the M-step works on together
constexpr int kColumns[] = {2, 3, 4, 8, 16, 32, 41, 64, 128};
constexpr const char* kFamilies[] = {"full", "tied", "diag", "spherical"};

AlignedDoubles random_numbers(std::size_t n, double from, double to) {
  static std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> uniform(from, to);
  AlignedDoubles numbers(n);
  std::ranges::generate(numbers, [&] { return uniform(generator); });
  return numbers;
}

/// One tile of rows, all of which matter to every component.
struct Rows {
  AlignedDoubles values;
  Tile tile;
  explicit Rows(int d)
      : values(random_numbers(std::size_t(kTile) * d, -1.0, 1.0)), tile(d, select_kernels()) {
    tile.load({0, 0, kTile, values.data(), nullptr}, 0);
  }
};

/// K components of unit variances; the correlations of matrices change no time.
Mixture make_mixture(const CovarianceStructure& structure, int d, const KernelTable& kernels) {
  Mixture m;
  m.structure = &structure;
  m.n_components = kComponents;
  m.n_features = d;
  m.weights.assign(kComponents, 1.0 / kComponents);
  const AlignedDoubles means = random_numbers(std::size_t(kComponents) * d, -1.0, 1.0);
  m.means.assign(means.begin(), means.end());
  std::size_t size = 1;
  for (const std::size_t n : m.layout().dims(kComponents, d)) size *= n;
  m.covariances.resize(size);
  for (int k = 0; k < m.n_covariances(); ++k)
    m.layout().set_diagonal(std::vector<double>(d, 1.0), m.covariance(k));
  factorise(m, kernels);
  return m;
}

void count_flops(benchmark::State& state, double flops) {
  state.counters["GFLOP/s"] = benchmark::Counter(1e-9 * flops, benchmark::Counter::kIsIterationInvariantRate);
}
void count_values(benchmark::State& state, double values) {
  state.counters["Gvalues/s"] =
      benchmark::Counter(1e-9 * values, benchmark::Counter::kIsIterationInvariantRate);
}
double flops(const CovarianceStructure& structure, int d, int n_rows) {
  return 1.0 * n_rows * kComponents * (!structure.layout().is_diagonal() ? 1.0 * d * d : 4.0 * d);
}

/// The E-step's squared Mahalanobis distances.
void mahalanobis(benchmark::State& state, const KernelTable& kernels, const CovarianceStructure& structure) {
  const int d = static_cast<int>(state.range(0));
  const Rows rows(d);
  const LogDensity density(make_mixture(structure, d, kernels), kernels);
  AlignedDoubles scratch(density.scratch_size()), out(std::size_t{kComponents} * kTile);
  for (auto _ : state) {
    density.mahalanobis(rows.tile, scratch.data(), out.data());
    benchmark::ClobberMemory();
  }
  count_flops(state, flops(structure, d, kTile));
}

/// The M-step's sums of responsibility, (x - c) and (x - c)(x - c)^T.
void accumulate(benchmark::State& state, const KernelTable& kernels, const CovarianceStructure& structure) {
  const int d = static_cast<int>(state.range(0));
  const std::vector<Rows> rows(kTiles, Rows(d));
  std::vector<TileRows> tiles;
  for (const Rows& r : rows) tiles.push_back({r.tile.x(), r.tile.xt()});
  const AlignedDoubles gamma = random_numbers(std::size_t{kTiles} * kComponents * kTile, 0.01, 1.0);
  const AlignedDoubles centers = random_numbers(std::size_t(kComponents) * padded(d), -1.0, 1.0);
  BlockSums sums({kComponents, d, structure.scatter_shape()});
  for (auto _ : state) {
    sums.add(kernels, tiles, gamma.data(), centers.data());
    benchmark::ClobberMemory();
  }
  count_flops(state, flops(structure, d, kTiles * kTile));
}

/// The kernels of rows with errors, one component: densities, or sums of completions.
void observed(benchmark::State& state, const KernelTable& kernels, bool sums, bool masked, ErrorShape shape) {
  const int d = static_cast<int>(state.range(0)), n = d * (d + 1) / 2;
  AlignedDoubles errors(std::size_t(n) * kTile);  // covariances: diagonal ones
  const AlignedDoubles variances = random_numbers(std::size_t(d) * kTile, 0.1, 1.0);
  for (int i = 0; i < d; ++i)
    std::copy_n(&variances[i * kTile], kTile, &errors[(i * (i + 1) / 2 + i) * kTile]);
  const AlignedDoubles x = random_numbers(variances.size(), -1.0, 1.0), mask(x.size(), 1.0);
  const AlignedDoubles gamma = random_numbers(kTile, 0.01, 1.0), mean = random_numbers(d, -1.0, 1.0);
  AlignedDoubles covariance(std::size_t(d) * d, 0.1);
  for (int i = 0; i < d; ++i) covariance[i * d + i] = 1.0;
  const ObservedRows rows{d,
                          kTile,
                          x.data(),
                          masked ? mask.data() : nullptr,
                          shape == ErrorShape::variances ? variances.data() : errors.data(),
                          shape};
  AlignedDoubles scratch(observed_scratch(d)), q(kTile), log_det(kTile), s1(std::size_t(d) * kRowLanes),
      s2(std::size_t(n) * kRowLanes);
  for (auto _ : state) {
    if (sums)
      kernels.add_completions(rows, mean.data(), covariance.data(), scratch.data(),
                              {gamma.data(), mean.data(), s1.data(), s2.data(), false});
    else
      kernels.observed_density(rows, mean.data(), covariance.data(), scratch.data(), q.data(),
                               log_det.data());
    benchmark::ClobberMemory();
  }
  count_flops(state, kTile * (d * d * d / 3.0 + 3.0 * d * d));
}

void responsibilities(benchmark::State& state, const KernelTable& kernels) {
  const int K = static_cast<int>(state.range(0));
  const AlignedDoubles log_joint = random_numbers(std::size_t(K) * kTile, -9.0, 0.0);
  const AlignedDoubles weights(kTile, 1.0);
  AlignedDoubles values, log_density(kTile);
  for (auto _ : state) {
    values = log_joint;
    kernels.responsibilities(K, weights.data(), kEveryLogShare, values.data(), log_density.data());
    benchmark::ClobberMemory();
  }
  count_values(state, double{kTile} * K);
}

void vector_function(benchmark::State& state, void (*function)(std::int64_t, const double*, double*)) {
  const AlignedDoubles x = random_numbers(2048, 0.1, 9.0);
  AlignedDoubles out(x.size());
  for (auto _ : state) {
    function(std::ssize(x), x.data(), out.data());
    benchmark::ClobberMemory();
  }
  count_values(state, static_cast<double>(x.size()));
}

/// A block's sums into the exact ones.
void exact_sums(benchmark::State& state) {
  const AlignedDoubles terms = random_numbers(state.range(0), -1.0, 1.0);
  ExactArray sums(AlignedDoubles(terms.size(), 1e6));
  for (auto _ : state) {
    sums.add(terms);
    benchmark::ClobberMemory();
  }
  count_values(state, static_cast<double>(terms.size()));
}

void dgemm(benchmark::State& state) {
  const int n = static_cast<int>(state.range(0));
  const AlignedDoubles a = random_numbers(std::size_t(n) * n, -1.0, 1.0), b = a;
  AlignedDoubles c(a.size());
  const double one = 1.0, zero = 0.0;
  for (auto _ : state) {
    dgemm_("N", "N", &n, &n, &n, &one, a.data(), &n, b.data(), &n, &zero, c.data(), &n);
    benchmark::ClobberMemory();
  }
  count_flops(state, 2.0 * n * n * n);
}

void register_all(const KernelTable& kernels) {
  using benchmark::RegisterBenchmark;
  for (const char* name : kFamilies) {
    const CovarianceStructure& structure = find_structure(name);
    const std::string suffix = std::string("_") + name;
    auto* e_step = RegisterBenchmark(("mahalanobis" + suffix).c_str(), [&](benchmark::State& state) {
      mahalanobis(state, kernels, structure);
    });
    auto* m_step = RegisterBenchmark(("accumulate" + suffix).c_str(),
                                     [&](benchmark::State& state) { accumulate(state, kernels, structure); });
    for (const int d : kColumns) {
      e_step->Arg(d);
      m_step->Arg(d);
    }
  }
  for (const bool sums : {false, true}) {
    const auto add = [&](const char* suffix, bool masked, ErrorShape shape) {
      auto* noisy = RegisterBenchmark(
          ((sums ? "completions" : "observed") + std::string(suffix)).c_str(),
          [=, &kernels](benchmark::State& state) { observed(state, kernels, sums, masked, shape); });
      for (const int d : {4, 7, 16}) noisy->Arg(d);
    };
    add("_variances", false, ErrorShape::variances);
    add("_masked", true, ErrorShape::variances);
    add("_covariances", false, ErrorShape::covariances);
  }
  auto* posterior = RegisterBenchmark("responsibilities",
                                      [&](benchmark::State& state) { responsibilities(state, kernels); });
  for (const int K : {2, 8, 32, 128}) posterior->Arg(K);
  RegisterBenchmark("exp", [&](benchmark::State& state) { vector_function(state, kernels.exp); });
  RegisterBenchmark("log", [&](benchmark::State& state) { vector_function(state, kernels.log); });
  RegisterBenchmark("exact_sums", exact_sums)->Arg(1 << 10)->Arg(1 << 15);
  RegisterBenchmark("dgemm", dgemm)->Arg(512);
}

}  // namespace

int main(int argc, char** argv) {
  openblas_set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  // What is left is the name of a target, as in --simd.
  const KernelTable& kernels = select_kernels(argc > 1 ? argv[1] : "auto");
  benchmark::AddCustomContext("kernels", kernels.name);
  benchmark::AddCustomContext("blas", std::string("OpenBLAS ") + openblas_get_corename());
  register_all(kernels);
  benchmark::RunSpecifiedBenchmarks();
}
