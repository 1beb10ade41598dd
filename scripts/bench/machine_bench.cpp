// What the machine can do at most: fused multiply-adds, reading memory; and responsibilities. For
// roofline.py.
//
//   machine_bench THREADS SECONDS [SIMD]   prints "GFLOP/s GB/s 1e9 responsibilities/s" of all threads
//   together
//
// In the instruction set that the library chooses, or in another that the processor runs: names as of --simd.
#include <fmt/format.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "gmmpi/error.hpp"
#include "gmmpi/kernels/aligned.hpp"
#include "kernels/table.hpp"

namespace {

using gmmpi::kRowLanes;

struct Rates {
  double (*multiply_adds)();                                     ///< flops done
  double (*read_memory)(const double* numbers, std::int64_t n);  ///< bytes read
};

// The compiler must not spread vectors over narrower ones, so each instruction set has its own functions.
#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
#define GMMPI_INSTRUCTIONS "kernels/simd/avx512.hpp"
namespace avx512 {
#include "kernels/simd.hpp"
#include "machine_rates.hpp"
}  // namespace avx512
#undef GMMPI_INSTRUCTIONS
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define GMMPI_INSTRUCTIONS "kernels/simd/avx2.hpp"
namespace avx2 {
#include "kernels/simd.hpp"
#include "machine_rates.hpp"
}  // namespace avx2
#undef GMMPI_INSTRUCTIONS
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx,fma")
#define GMMPI_INSTRUCTIONS "kernels/simd/fma128.hpp"
namespace fma128 {
#include "kernels/simd.hpp"
#include "machine_rates.hpp"
}  // namespace fma128
#undef GMMPI_INSTRUCTIONS
#pragma GCC pop_options
#elif defined(__aarch64__)
#define GMMPI_INSTRUCTIONS "kernels/simd/neon.hpp"
namespace neon {
#include "kernels/simd.hpp"
#include "machine_rates.hpp"
}  // namespace neon
#undef GMMPI_INSTRUCTIONS
#endif
#define GMMPI_INSTRUCTIONS "kernels/simd/scalar.hpp"
namespace scalar {
#include "kernels/simd.hpp"
#include "machine_rates.hpp"
}  // namespace scalar

const Rates& rates_of(const std::string& name) {
#if defined(__x86_64__)
  if (name == "avx512") return avx512::rates;
  if (name == "avx2") return avx2::rates;
  if (name == "fma128") return fma128::rates;
#elif defined(__aarch64__)
  if (name == "neon") return neon::rates;
#endif
  return scalar::rates;
}

constexpr std::int64_t kPart = std::int64_t{1} << 25;  // numbers that each thread reads: 256 MiB

/// Best rate over about `seconds` of `work` on all threads, which returns how much it has done.
double best_rate(int n_threads, double seconds, const std::function<double(int thread)>& work) {
  double best = 0.0;
  const double end = omp_get_wtime() + seconds;
  do {
    double done = 0.0;
    const double begin = omp_get_wtime();
#pragma omp parallel num_threads(n_threads) reduction(+ : done)
    done += work(omp_get_thread_num());
    best = std::max(best, done / (omp_get_wtime() - begin));
  } while (omp_get_wtime() < end);
  return best;
}

/// Log-sum-exp and normalisation of a tile in cache: the kernel's rate, not a limit of the machine.
double responsibilities(const gmmpi::KernelTable& kernels) {
  constexpr int kComponents = 32, kSteps = 2000;
  const gmmpi::AlignedDoubles weights(gmmpi::kTile, 1.0);
  gmmpi::AlignedDoubles values(std::size_t{kComponents} * gmmpi::kTile, -1.25), log_density(gmmpi::kTile);
  for (int step = 0; step < kSteps; ++step)
    kernels.responsibilities(kComponents, weights.data(), gmmpi::kEveryLogShare, values.data(),
                             log_density.data());
  return static_cast<double>(values.size()) * kSteps;
}

void measure(int n_threads, double seconds, const std::string& simd) {
  const gmmpi::KernelTable& kernels = gmmpi::select_kernels(simd);
  const Rates& rates = rates_of(kernels.name);
  std::vector<gmmpi::AlignedDoubles> parts(n_threads);
#pragma omp parallel num_threads(n_threads)
  parts[omp_get_thread_num()].assign(kPart,
                                     0.0);  // by the thread that reads it, so that it lies in near memory
  fmt::print(
      "{:.4g} {:.4g} {:.4g}\n",
      1e-9 * best_rate(n_threads, seconds, [&](int) { return rates.multiply_adds(); }),
      1e-9 * best_rate(n_threads, seconds, [&](int t) { return rates.read_memory(parts[t].data(), kPart); }),
      1e-9 * best_rate(n_threads, seconds, [&](int) { return responsibilities(kernels); }));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return static_cast<int>(gmmpi::ExitCode::usage);
  try {
    measure(std::atoi(argv[1]), std::atof(argv[2]), argc > 3 ? argv[3] : "auto");
  } catch (const gmmpi::Error& e) {
    fmt::print(stderr, "machine_bench: {}\n", e.what());
    return static_cast<int>(e.code());
  }
}
