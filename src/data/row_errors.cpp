// fault_of_errors, add_errors.
#include "data/row_errors.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

/// Of a covariance that was rounded to single precision: differences of its entries, in units of the standard
/// deviations, and what is left of variances.
constexpr double kRounding = 1e-6;
constexpr double kLargest = 1e140;  ///< as of values: it may be squared

ErrorFault fault_of_deviations(const double* x, const double* errors, int d, int& column) {
  for (column = 0; column < d; ++column) {
    const double error = errors[column];
    if (std::isnan(x[column])) continue;
    if (!std::isfinite(error)) return ErrorFault::not_finite;
    if (error < 0.0) return ErrorFault::negative;
    if (error > kLargest) return ErrorFault::too_large;
  }
  return ErrorFault::none;
}

/// By elimination, column by column, of what is observed.
ErrorFault fault_of_covariance(const double* x, const double* errors, int d, int& column) {
  std::vector<int> observed;
  for (int j = 0; j < d; ++j)
    if (!std::isnan(x[j])) observed.push_back(j);
  const std::size_t n = observed.size();
  std::vector<double> left(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    column = observed[i];
    const double variance = errors[std::size_t(column) * (d + 1)];
    if (!std::isfinite(variance)) return ErrorFault::not_finite;
    if (variance < 0.0) return ErrorFault::negative;
    if (variance > kLargest * kLargest) return ErrorFault::too_large;
    for (std::size_t j = 0; j <= i; ++j) {
      const std::size_t other = observed[j];
      const double value = errors[std::size_t(column) * d + other], mirrored = errors[other * d + column];
      const double size = std::sqrt(variance) * std::sqrt(errors[other * (d + 1)]);
      if (!std::isfinite(value) || !std::isfinite(mirrored)) return ErrorFault::not_finite;
      if (!(std::abs(value - mirrored) <= kRounding * size)) return ErrorFault::asymmetric;
      if (!(std::abs(value) <= (1.0 + kRounding) * size)) return ErrorFault::indefinite;
      left[i * n + j] = size > 0.0 ? value / size : 0.0;
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    column = observed[j];
    const double pivot = left[j * n + j];
    if (pivot < -static_cast<double>(n) * kRounding) return ErrorFault::indefinite;
    if (pivot <= static_cast<double>(n) * kRounding) continue;  // singular, to rounding
    for (std::size_t i = j + 1; i < n; ++i)
      for (std::size_t k = j + 1; k <= i; ++k) left[i * n + k] -= left[i * n + j] * left[k * n + j] / pivot;
  }
  return ErrorFault::none;
}

/// The first row that has a fault.
struct Fault {
  Index row = std::numeric_limits<Index>::max();
  Index column = 0, count = 0;
  ErrorFault kind = ErrorFault::none;

  void add(const Fault& other) {
    const Index all = count + other.count;
    if (other.row < row) *this = other;
    count = all;
  }
};

/// What one thread sees of its blocks.
class Part {
 public:
  explicit Part(int d) : x_(d) {}

  void add(const Block& block) {
    const int d = static_cast<int>(x_.size()), n = block.n_errors;
    errors_.resize(std::size_t(block.n_rows) * n);
    std::visit([&](const auto* from) { std::copy_n(from, errors_.size(), errors_.begin()); }, block.errors);
    bool any = false;
    for (int r = 0; r < block.n_rows; ++r) {
      const std::span row(errors_.data() + std::size_t(r) * n, std::size_t(n));
      if (block.weights && block.weights[r] == 0.0) {
        std::ranges::fill(row, 0.0);
        continue;
      }
      std::visit([&](const auto* rows) { std::copy_n(rows + Index{r} * d, d, x_.begin()); }, block.rows);
      int column = 0;
      const ErrorFault kind = fault_of_errors(x_.data(), row.data(), d, n == d, column);
      if (kind != ErrorFault::none) fault_.add({block.number(r), column, 1, kind});
      for (std::size_t e = 0; e < row.size(); ++e) {
        if (std::isnan(x_[e / (row.size() / d)]) || std::isnan(x_[e % d])) row[e] = 0.0;
        any |= row[e] != 0.0;
      }
    }
    if (any) add_hash(block.index);
  }
  void add(const Part& other) {
    fault_.add(other.fault_);
    for (std::size_t i = 0; i < hash_.size(); ++i) hash_[i] += other.hash_[i];
  }
  const Fault& fault() const { return fault_; }
  std::array<std::int64_t, 4>& hash() { return hash_; }

 private:
  void add_hash(Index block) {
    for (double& e : errors_) e += 0.0;  // -0 is 0
    const XXH128_hash_t h = XXH3_128bits_withSeed(errors_.data(), sizeof(double) * errors_.size(), block);
    const std::uint64_t words[2] = {h.low64, h.high64};
    for (int i = 0; i < 4; ++i)
      hash_[i] += static_cast<std::int64_t>(words[i / 2] >> (32 * (i % 2)) & 0xffffffffu);
  }

  Fault fault_;
  std::array<std::int64_t, 4> hash_{};
  std::vector<double> x_, errors_;
};

std::string problem_text(ErrorFault kind, bool deviations) {
  switch (kind) {
    case ErrorFault::not_finite:
      return "is not finite; give what is not known as a missing value (NaN) of the data, with `missing` em";
    case ErrorFault::negative:
      return deviations ? "is negative; give standard deviations" : "is negative; give variances";
    case ErrorFault::too_large:
      return "is beyond 1e140, which cannot be squared; choose a larger unit";
    case ErrorFault::asymmetric:
      return "differs from its mirror image; give symmetric matrices";
    default:
      return "makes a matrix that is not positive semidefinite; give covariances";
  }
}

/// Collective.
void refuse_faults(const Communicator& comm, const Fault& mine, DataReader& errors, DataReader& rows) {
  Fault all;
  for (const Fault& fault : comm.all_gather(std::span<const Fault>(&mine, 1))) all.add(fault);
  if (all.count == 0) return;
  comm.together([&] {
    if (!comm.is_root()) return;
    const bool deviations = errors.n_columns() == rows.n_columns();
    throw Error(
        ExitCode::bad_data,
        fmt::format("{}: {}, {}: the error {}{}", errors.name(), errors.row_text(all.row),
                    rows.column_text(static_cast<int>(all.column)), problem_text(all.kind, deviations),
                    all.count == 1 ? "" : fmt::format(" ({} rows have such errors)", all.count)));
  });
}

}  // namespace

ErrorFault fault_of_errors(const double* x, const double* errors, int d, bool deviations, int& column) {
  return deviations ? fault_of_deviations(x, errors, d, column) : fault_of_covariance(x, errors, d, column);
}

void add_errors(const Execution& execution, const Data& data, DataReader& errors, DataReader& rows,
                DataSummary& summary) {
  const Communicator& comm = execution.comm;
  std::vector<Part> parts(execution.n_threads, Part(data.n_columns()));
  comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int thread) { parts[thread].add(block); });
  });
  for (std::size_t t = 1; t < parts.size(); ++t) parts[0].add(parts[t]);
  refuse_faults(comm, parts[0].fault(), errors, rows);
  std::array<std::int64_t, 4>& hash = parts[0].hash();
  comm.sum(hash);
  summary.has_errors = std::ranges::any_of(hash, [](std::int64_t word) { return word != 0; });
  if (!summary.has_errors) return;
  const std::string both =
      fmt::format("{} {:x} {:x} {:x} {:x}", summary.fingerprint, hash[0], hash[1], hash[2], hash[3]);
  const XXH128_hash_t h = XXH3_128bits(both.data(), both.size());
  summary.fingerprint = fmt::format("{:016x}{:016x}", h.high64, h.low64);
}

}  // namespace gmmpi
