// The rates of machine_bench in one instruction set. Included once for each, after kernels/simd.hpp, inside a namespace.

/// Independent chains of fused multiply-adds: enough of them to hide the latency (two units of four or five cycles),
/// and few enough to stay in 16 registers, with the two numbers that all share. Returns the flops done.
inline double multiply_adds() {
  constexpr int kChains = 12, kSteps = 1'000'000;
  const Vec factor = all(0.999999), term = all(1e-6);
  Vec sum[kChains];
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) sum[c] = all(c);
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sum[c] = fma(sum[c], factor, term);
  }
  Vec total = all(0.0);
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) total += sum[c];
  asm volatile("" ::"m"(total));
  return 2.0 * kWidth * kChains * kSteps;
}

/// Reads n numbers, n a multiple of 64. Returns the bytes read.
inline double read_memory(const double* numbers, std::int64_t n) {
  Vec sum[8], total = all(0.0);
#pragma GCC unroll 8
  for (int c = 0; c < 8; ++c) sum[c] = total;
  for (std::int64_t i = 0; i < n; i += 8 * kWidth) {
#pragma GCC unroll 8
    for (int c = 0; c < 8; ++c) sum[c] += load(numbers + i + c * kWidth);
  }
#pragma GCC unroll 8
  for (int c = 0; c < 8; ++c) total += sum[c];
  asm volatile("" ::"m"(total));
  return 8.0 * static_cast<double>(n);
}

const Rates rates{multiply_adds, read_memory};
