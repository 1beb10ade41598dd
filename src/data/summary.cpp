// summarise, has_distinct_rows.
#include "data/summary.hpp"

#include <xxhash.h>

#include <array>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/error.hpp"
#include "parallel/exact_sum.hpp"

namespace gmmpi {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// A column's range may be squared and summed without overflow.
constexpr double kWidestRange = 1e140;

/// What one thread sees of its blocks.
struct Part {
  std::vector<double> minimum, maximum;
  ExactScalar weight;
  Index n_rows = 0, n_unit = 0;  ///< of positive weight; of weight 1, which are counted instead of summed
  double max_weight = 0.0;
  std::array<std::int64_t, 4> hash{};  ///< sums of the 32-bit words of the blocks' hashes
  std::vector<double> buffer;

  explicit Part(int d) : minimum(d, kInfinity), maximum(d, -kInfinity) {}

  void add(const Block& block, int d) {
    buffer.resize(std::size_t(block.n_rows) * (d + 1));
    double* rows = buffer.data();
    double* weights = rows + std::size_t(block.n_rows) * d;
    for (int r = 0; r < block.n_rows; ++r) weights[r] = block.weights ? block.weights[r] : 1.0;
    std::visit(
        [&](const auto* from) {
          for (Index i = 0; i < Index{block.n_rows} * d; ++i) rows[i] = static_cast<double>(from[i]);
        },
        block.rows);
    for (int r = 0; r < block.n_rows; ++r) add_row(rows + std::size_t(r) * d, weights[r], d);
    add_hash(XXH3_128bits_withSeed(rows, buffer.size() * sizeof(double), block.index));
  }

  void add_hash(const XXH128_hash_t& h) {
    const std::uint64_t words[2] = {h.low64, h.high64};
    for (int i = 0; i < 4; ++i)
      hash[i] += static_cast<std::int64_t>(words[i / 2] >> (32 * (i % 2)) & 0xffffffffu);
  }

  void add_row(double* row, double w, int d) {
    if (w == 0.0) {
      std::fill_n(row, d, 0.0);
      return;
    }
    ++n_rows;
    if (w == 1.0)
      ++n_unit;
    else
      weight.add(w);
    max_weight = std::max(max_weight, w);
    for (int j = 0; j < d; ++j) {
      minimum[j] = std::min(minimum[j], row[j]);
      maximum[j] = std::max(maximum[j], row[j]);
    }
  }

  void add(const Part& other) {
    for (std::size_t j = 0; j < minimum.size(); ++j) {
      minimum[j] = std::min(minimum[j], other.minimum[j]);
      maximum[j] = std::max(maximum[j], other.maximum[j]);
    }
    weight.add(other.weight);
    n_rows += other.n_rows;
    n_unit += other.n_unit;
    max_weight = std::max(max_weight, other.max_weight);
    for (int i = 0; i < 4; ++i) hash[i] += other.hash[i];
  }
};

std::string hex(const std::array<std::int64_t, 4>& words) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (int i = 3; i >= 0; --i)
    for (int shift = 28; shift >= 0; shift -= 4) text += digits[words[i] >> shift & 15];
  return text;
}

void check(const DataSummary& summary, const std::string& name, const std::string& weights_name) {
  if (summary.n_rows == 0)
    throw Error(ExitCode::bad_data,
                weights_name + ": every sample weight is zero; give at least one row a positive weight");
  for (std::size_t j = 0; j < summary.minimum.size(); ++j)
    if (!(summary.maximum[j] - summary.minimum[j] <= kWidestRange))
      throw Error(ExitCode::bad_data,
                  name + ": column " + std::to_string(j) +
                      " spans more than 1e140 and cannot be squared; choose a larger unit");
}

}  // namespace

DataSummary summarise(const Execution& execution, const Data& data, const std::string& name,
                      const std::string& weights_name) {
  const int d = data.n_columns();
  std::vector<Part> parts(execution.n_threads, Part(d));
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int thread) { parts[thread].add(block, d); });
  });
  Part& all = parts[0];
  for (std::size_t t = 1; t < parts.size(); ++t) all.add(parts[t]);

  const Communicator& comm = execution.comm;
  if (comm.is_root()) {
    const std::int64_t shape[2] = {data.grid().n_rows(), d};
    all.add_hash(XXH3_128bits(shape, sizeof shape));
  }
  all.weight.normalise();
  std::vector<std::int64_t> sums(all.weight.limbs().begin(), all.weight.limbs().end());
  sums.push_back(all.n_rows);
  sums.push_back(all.n_unit);
  sums.insert(sums.end(), all.hash.begin(), all.hash.end());
  comm.sum(sums);
  std::copy_n(sums.begin(), all.weight.limbs().size(), all.weight.limbs().begin());
  const std::int64_t* rest = sums.data() + all.weight.limbs().size();
  comm.min(all.minimum);
  comm.max(all.maximum);
  comm.max(std::span(&all.max_weight, 1));

  DataSummary summary;
  summary.n_rows = rest[0];
  all.weight.add(static_cast<double>(rest[1]));
  all.weight.normalise();
  summary.total_weight = all.weight.value();
  summary.max_weight = all.max_weight;
  summary.minimum = all.minimum;
  summary.maximum = all.maximum;
  summary.fingerprint = hex({rest[2], rest[3], rest[4], rest[5]});
  check(summary, name, weights_name);
  return summary;
}

bool has_distinct_rows(const Execution& execution, const Data& data, Index wanted) {
  const int d = data.n_columns();
  std::vector<std::unordered_set<std::uint64_t>> seen(execution.n_threads);
  const auto collect = [&](const Block& block, int thread) {
    auto& set = seen[thread];
    std::vector<double> row(d);
    for (int r = 0; r < block.n_rows && static_cast<Index>(set.size()) < wanted; ++r) {
      if (block.weights && block.weights[r] == 0.0) continue;
      std::visit(
          [&](const auto* rows) {
            for (int j = 0; j < d; ++j)
              row[j] = static_cast<double>(rows[Index{r} * d + j]) + 0.0;  // -0 is 0
          },
          block.rows);
      set.insert(XXH3_64bits(row.data(), row.size() * sizeof(double)));
    }
  };
  execution.comm.together([&] { data.for_each_block(execution, collect); });
  for (std::size_t t = 1; t < seen.size(); ++t) seen[0].insert(seen[t].begin(), seen[t].end());
  std::vector<std::uint64_t> mine(seen[0].begin(), seen[0].end());
  if (static_cast<Index>(mine.size()) > wanted) mine.resize(wanted);
  const std::vector<std::uint64_t> all = execution.comm.all_gather(std::span<const std::uint64_t>(mine));
  return static_cast<Index>(std::unordered_set(all.begin(), all.end()).size()) >= wanted;
}

}  // namespace gmmpi
