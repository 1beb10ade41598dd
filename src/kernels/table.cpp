// Which kernel tables exist, which this processor runs, which one is used.
#include "kernels/table.hpp"

#include "gmmpi/error.hpp"

namespace gmmpi {

#if defined(__x86_64__)
namespace avx512 {
extern const KernelTable table;
}
namespace avx2 {
extern const KernelTable table;
}
namespace fma128 {
extern const KernelTable table;
}
#elif defined(__aarch64__)
namespace neon {
extern const KernelTable table;
}
#endif
namespace scalar {
extern const KernelTable table;
}

namespace {

struct Target {
  const KernelTable* table;
  bool runs_here;
};

std::vector<Target> targets() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool fma = __builtin_cpu_supports("fma");
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  return {{&avx512::table, fma && wide},
          {&avx2::table, fma && __builtin_cpu_supports("avx2")},
          {&fma128::table, fma && __builtin_cpu_supports("avx")},
          {&scalar::table, true}};
#elif defined(__aarch64__)
  return {{&neon::table, true}, {&scalar::table, true}};
#else
  return {{&scalar::table, true}};
#endif
}

}  // namespace

std::vector<std::string> available_kernels() {
  std::vector<std::string> names;
  for (const Target& target : targets())
    if (target.runs_here) names.emplace_back(target.table->name);
  return names;
}

const KernelTable& select_kernels(const std::string& name) {
  for (const Target& target : targets())
    if (target.runs_here && (name == "auto" || name == target.table->name)) return *target.table;
  for (const char* known : {"avx512", "avx2", "fma128", "neon"})
    if (name == known)
      throw Error(ExitCode::usage, "`simd` " + name + ": this processor cannot run it; use `simd` auto");
  throw Error(ExitCode::usage,
              "`simd` " + name + ": unknown; use auto, avx512, avx2, fma128, neon or scalar");
}

}  // namespace gmmpi
