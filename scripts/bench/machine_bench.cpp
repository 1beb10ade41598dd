// What the machine can do at most: fused multiply-adds, reading memory; and responsibilities. For
// roofline.py.
//
//   machine_bench THREADS SECONDS     prints "GFLOP/s GB/s 1e9 responsibilities/s" of all threads together
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <vector>

#include "kernels/aligned.hpp"
#include "kernels/table.hpp"

namespace {

using Vec [[gnu::vector_size(64), gnu::may_alias]] =
    double;  // the compiler splits it where vectors are narrower
constexpr int kWidth = 8;
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

/// Independent chains of fused multiply-adds, enough of them to hide the latency.
double multiply_adds(int) {
  constexpr int kChains = 12, kSteps = 1'000'000;
  Vec factor = Vec{} + 0.999999, term = Vec{} + 1e-6;
  Vec sum[kChains];
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) sum[c] = term * static_cast<double>(c);
  for (int step = 0; step < kSteps; ++step) {
    asm volatile("" : "+m"(factor), "+m"(term));  // unknown to the compiler
    const Vec f = factor, t = term;
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sum[c] = sum[c] * f + t;
  }
  Vec total = {};
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) total += sum[c];
  asm volatile("" ::"m"(total));
  return 2.0 * kWidth * kChains * kSteps;
}

/// Each thread reads its own part of an array far larger than the caches.
double read_memory(const double* part) {
  const auto* vectors = reinterpret_cast<const Vec*>(part);
  Vec sum[8] = {}, total = {};
  for (std::int64_t i = 0; i < kPart / kWidth; i += 8) {
#pragma GCC unroll 8
    for (int c = 0; c < 8; ++c) sum[c] += vectors[i + c];
  }
#pragma GCC unroll 8
  for (int c = 0; c < 8; ++c) total += sum[c];
  asm volatile("" ::"m"(total));
  return sizeof(double) * static_cast<double>(kPart);
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const int n_threads = std::atoi(argv[1]);
  const double seconds = std::atof(argv[2]);
  std::vector<double*> parts(n_threads);
#pragma omp parallel num_threads(n_threads)
  {  // by the thread that reads it, so that it lies in near memory
    auto* part = static_cast<double*>(std::aligned_alloc(sizeof(Vec), kPart * sizeof(double)));
    std::fill_n(part, kPart, 0.0);
    parts[omp_get_thread_num()] = part;
  }
  const gmmpi::KernelTable& kernels = gmmpi::select_kernels();
  fmt::print("{:.4g} {:.4g} {:.4g}\n", 1e-9 * best_rate(n_threads, seconds, multiply_adds),
             1e-9 * best_rate(n_threads, seconds, [&](int t) { return read_memory(parts[t]); }),
             1e-9 * best_rate(n_threads, seconds, [&](int) { return responsibilities(kernels); }));
  for (double* part : parts) std::free(part);
}
