// summarise, has_distinct_rows.
#include "data/summary.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <unordered_set>

#include "data/reading.hpp"
#include "data/row_sums.hpp"
#include "gmmpi/error.hpp"
#include "parallel/exact_message.hpp"

namespace gmmpi {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Weights of which the sum times a squared range is beyond this are refused; small ones, of which the
/// product is below that: terms of a share of it would be denormal.
constexpr double kLargestSum = 1e290, kLeastSum = 1e-250, kSmallWeight = 1e-100;
/// Numbers of this size, and differences of them, may be squared and summed without overflow.
constexpr double kLargest = 1e140;
/// Squares of a millionth of such a range are still far above the least normal number.
constexpr double kNarrowestRange = 1e-140;

/// The first number, of a row of positive weight, that is not finite, and how many rows have such.
struct BadRows {
  static constexpr Index kNone = std::numeric_limits<Index>::max();
  Index first = kNone, column = 0, count = 0;
  double value = 0.0;

  void add(const BadRows& other) {
    const Index all = count + other.count;
    if (other.first < first) *this = other;
    count = all;
  }
};

/// What one thread sees of its blocks.
struct Part {
  std::vector<double> minimum, maximum;
  std::vector<double> least;  ///< magnitude of each column but for zeros; then weight
  ExactScalar weight;
  BadRows bad;
  Index n_rows = 0, n_unit = 0;  ///< of positive weight; of weight 1, which are counted instead of summed
  double max_weight = 0.0;
  bool may_have_gaps;
  Index n_incomplete = 0;
  std::vector<Index> n_missing;
  std::array<std::int64_t, 4> hash{};  ///< sums of the 32-bit words of the blocks' hashes
  std::vector<double> tile, weights;
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state{XXH3_createState(), XXH3_freeState};

  Part(int d, Missing missing)
      : minimum(d, kInfinity),
        maximum(d, -kInfinity),
        least(d + 1, kInfinity),
        may_have_gaps(missing == Missing::em),
        n_missing(d),
        tile(std::size_t(kTileRows) * d) {}

  void add(const Block& block, int d) {
    weights.assign(block.n_rows, 1.0);
    if (block.weights) std::copy_n(block.weights, block.n_rows, weights.begin());
    XXH3_128bits_reset_withSeed(state.get(), block.index);
    for (int offset = 0; offset < block.n_rows; offset += kTileRows) {
      const int n = std::min(kTileRows, block.n_rows - offset);
      std::visit(
          [&](const auto* rows) { std::copy_n(rows + Index{offset} * d, std::size_t(n) * d, tile.begin()); },
          block.rows);
      for (int r = 0; r < n; ++r) {
        double* row = tile.data() + std::size_t(r) * d;
        add_row(row, weights[offset + r], d);
        const double* const odd = std::find_if(
            row, row + d, [&](double x) { return !std::isfinite(x) && !(may_have_gaps && std::isnan(x)); });
        if (odd != row + d) bad.add({block.first_row + offset + r, odd - row, 1, *odd});
      }
      XXH3_128bits_update(state.get(), tile.data(), sizeof(double) * n * d);
    }
    XXH3_128bits_update(state.get(), weights.data(), sizeof(double) * weights.size());
    add_hash(XXH3_128bits_digest(state.get()));
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
    least[d] = std::min(least[d], w);
    bool complete = true;
    for (int j = 0; j < d; ++j) {
      if (std::isnan(row[j])) {
        row[j] = std::numeric_limits<double>::quiet_NaN();  // one pattern of bits for the fingerprint
        ++n_missing[j];
        complete = false;
      }
      minimum[j] = std::min(minimum[j], row[j]);
      maximum[j] = std::max(maximum[j], row[j]);
      const double magnitude = std::abs(row[j]);
      least[j] = magnitude > 0.0 ? std::min(least[j], magnitude) : least[j];
    }
    n_incomplete += !complete;
  }

  void add(const Part& other) {
    bad.add(other.bad);
    for (std::size_t j = 0; j < minimum.size(); ++j) {
      minimum[j] = std::min(minimum[j], other.minimum[j]);
      maximum[j] = std::max(maximum[j], other.maximum[j]);
    }
    for (std::size_t j = 0; j < least.size(); ++j) least[j] = std::min(least[j], other.least[j]);
    weight.add(other.weight);
    n_rows += other.n_rows;
    n_unit += other.n_unit;
    n_incomplete += other.n_incomplete;
    for (std::size_t j = 0; j < n_missing.size(); ++j) n_missing[j] += other.n_missing[j];
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

/// Error 65 where weighted sums of squares of the columns would overflow, or lose digits to underflow,
/// because of the weights: data of the same range without weights would not.
void check_weights(const DataSummary& s, const std::string& name) {
  double widest = 1.0, narrowest = kInfinity;
  for (std::size_t j = 0; j < s.minimum.size(); ++j)
    if (const double range = s.maximum[j] - s.minimum[j]; range > 0.0) {
      widest = std::max(widest, range);
      narrowest = std::min(narrowest, range);
    }
  const auto refuse = [&](const std::string& problem) {
    throw Error(ExitCode::bad_data,
                name + ": " + problem + "; multiply all weights by one number, or give `relative_weights`");
  };
  if (!(s.total_weight * widest * widest <= kLargestSum) && s.total_weight > static_cast<double>(s.n_rows))
    refuse("the sample weights sum to " +
           (std::isfinite(s.total_weight) ? fmt::format("{:.3g}", s.total_weight) : "more than 1.8e+308") +
           ", so that sums of weighted squares overflow");
  if (s.max_weight < kSmallWeight && s.max_weight * narrowest * narrowest < kLeastSum)
    refuse(fmt::format("the largest sample weight is {:.3g}, so that weighted squares lose their digits",
                       s.max_weight));
}

/// What to call things in messages.
struct Names {
  std::string data, weights;
  DataReader* rows = nullptr;  ///< may be null

  std::string row(Index n) const { return rows ? rows->row_text(n) : "row " + std::to_string(n); }
  std::string column(int j) const { return rows ? rows->column_text(j) : "column " + std::to_string(j); }
  std::string value(double x) const {
    return !std::isnan(x) ? "infinite" : rows && rows->storage().is_text ? "missing" : "NaN";
  }
};

/// Collective.
void refuse_bad_rows(const Communicator& comm, const BadRows& mine, Index n_rows, const Names& names) {
  BadRows all;
  for (const BadRows& bad : comm.all_gather(std::span<const BadRows>(&mine, 1))) all.add(bad);
  if (all.count == 0) return;
  comm.together([&] {
    if (!comm.is_root()) return;
    throw Error(
        ExitCode::bad_data,
        names.data + ": " + names.row(all.first) + ", " + names.column(static_cast<int>(all.column)) +
            " is " + names.value(all.value) +
            (all.count == 1 ? " (no other row has such values)"
                            : " (the first of " + std::to_string(all.count) + " of " +
                                  std::to_string(n_rows) + " rows that have such values)") +
            (std::isnan(all.value) ? "; give `missing` em to fit with such gaps, or `missing` drop to "
                                     "leave such rows out (or give them sample weight 0)"
                                   : "; remove such rows (or give them sample weight 0)"));
  });
}

/// Collective. Means and variances of the values that are there.
void add_column_moments(const Execution& execution, const Data& data, DataSummary& summary) {
  const int d = data.n_columns();
  std::vector<double> middle(d);
  for (int j = 0; j < d; ++j)
    middle[j] = summary.minimum[j] + 0.5 * (summary.maximum[j] - summary.minimum[j]);
  // Of each column: sums of w, w (x - c) or w (x - c)^2.
  const auto sum = [&](const std::vector<double>& center, int power) {
    return sum_over_rows(execution, data, d, [&](const Tile& tile, double* values) {
      for (int e = 0; e < d * kTileRows; ++e) {
        const double delta = tile.xt()[e] - center[e / kTileRows];
        values[e] = std::isnan(delta) ? 0.0 : power == 0 ? 1.0 : power == 1 ? delta : delta * delta;
      }
    });
  };
  const std::vector<double>& weight = summary.gaps.observed_weight = sum(middle, 0);
  std::vector<double>& mean = summary.gaps.mean = sum(middle, 1);
  for (int j = 0; j < d; ++j) mean[j] = middle[j] + mean[j] / weight[j];
  std::vector<double>& variance = summary.gaps.variance = sum(mean, 2);
  for (int j = 0; j < d; ++j)
    variance[j] = summary.minimum[j] == summary.maximum[j] ? 0.0 : variance[j] / weight[j];
}

void check(const DataSummary& summary, const Names& names, Missing missing) {
  if (summary.n_rows == 0)
    throw Error(
        ExitCode::bad_data,
        summary.gaps.n_left_out > 0
            ? names.data + (missing == Missing::drop
                                ? ": no row is complete; give `missing` em to fit with gaps"
                                : ": no row has any value; give data with some")
            : names.weights + ": every sample weight is zero; give at least one row a positive weight");
  for (std::size_t j = 0; j < summary.minimum.size(); ++j)
    if (!(summary.minimum[j] >= -kLargest && summary.maximum[j] <= kLargest))
      throw Error(ExitCode::bad_data,
                  names.data + ": " + names.column(static_cast<int>(j)) +
                      " holds numbers beyond 1e140, which cannot be squared; choose a larger unit, or remove "
                      "such rows");
  if (!names.weights.empty()) check_weights(summary, names.weights);
}

}  // namespace

Index leave_out_incomplete(const Execution& execution, const Data& data, Missing missing,
                           std::vector<double>& weights) {
  const int d = data.n_columns(), least = missing == Missing::drop ? 1 : d;
  const Index first = data.grid().first_row(data.first_block());
  std::vector<std::vector<Index>> found(execution.n_threads);
  data.for_each_block(execution, [&](const Block& block, int thread) {
    std::visit(
        [&](const auto* x) {
          for (int r = 0; r < block.n_rows; ++r, x += d)
            if (!(block.weights && block.weights[r] == 0.0) &&
                std::count_if(x, x + d, [](auto value) { return std::isnan(value); }) >= least)
              found[thread].push_back(block.first_row + r - first);
        },
        block.rows);
  });
  Index n = 0;
  for (const std::vector<Index>& rows : found) n += std::ssize(rows);
  if (n > 0 && weights.empty()) weights.assign(data.grid().first_row(data.last_block()) - first, 1.0);
  for (const std::vector<Index>& rows : found)
    for (const Index row : rows) weights[row] = 0.0;
  return n;
}

DataSummary summarise(const Execution& execution, const Data& data, const std::string& name,
                      const std::string& weights_name, DataReader* rows, Missing missing, Index n_left_out) {
  const Names names{name, weights_name, rows};
  const int d = data.n_columns();
  std::vector<Part> parts;
  for (int t = 0; t < execution.n_threads; ++t) parts.emplace_back(d, missing);
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int thread) { parts[thread].add(block, d); });
  });
  Part& all = parts[0];
  for (std::size_t t = 1; t < parts.size(); ++t) all.add(parts[t]);

  const Communicator& comm = execution.comm;
  refuse_bad_rows(comm, all.bad, data.grid().n_rows(), names);
  if (comm.is_root()) {
    const std::int64_t shape[2] = {data.grid().n_rows(), d};
    all.add_hash(XXH3_128bits(shape, sizeof shape));
  }
  ExactMessage message;
  message.add(all.weight).add(std::span(&all.n_rows, 1)).add(std::span(&all.n_unit, 1)).add(all.hash);
  message.add(std::span(&all.n_incomplete, 1)).add(all.n_missing).add(std::span(&n_left_out, 1));
  message.sum(comm);
  std::vector<double> lowest = all.minimum;
  lowest.insert(lowest.end(), all.least.begin(), all.least.end());
  comm.min(lowest);
  comm.max(all.maximum);
  comm.max(std::span(&all.max_weight, 1));

  DataSummary summary;
  summary.n_rows = all.n_rows;
  all.weight.add(static_cast<double>(all.n_unit));
  all.weight.normalise();
  summary.total_weight = all.weight.value();
  summary.max_weight = all.max_weight;
  summary.least_weight = lowest.back();
  summary.minimum.assign(lowest.begin(), lowest.begin() + d);
  summary.least_magnitude.assign(lowest.begin() + d, lowest.end() - 1);
  summary.maximum = all.maximum;
  summary.fingerprint = hex(all.hash);
  summary.gaps.n_rows = all.n_incomplete;
  summary.gaps.n_left_out = n_left_out;
  check(summary, names, missing);
  if (summary.has_gaps()) {
    summary.gaps.n_missing = all.n_missing;
    add_column_moments(execution, data, summary);
  }
  return summary;
}

void require_values(const DataSummary& summary, const std::string& name) {
  for (std::size_t j = 0; j < summary.minimum.size(); ++j)
    if (summary.minimum[j] > summary.maximum[j])
      throw Error(ExitCode::bad_data,
                  name + ": column " + std::to_string(j) + " has no value in any row; leave it out");
}

void require_squares(const DataSummary& summary, const std::string& name) {
  for (std::size_t j = 0; j < summary.minimum.size(); ++j)
    if (const double span = summary.maximum[j] - summary.minimum[j]; span > 0.0 && span < kNarrowestRange)
      throw Error(ExitCode::bad_data,
                  name + ": column " + std::to_string(j) +
                      " spans less than 1e-140, so that its squares underflow; choose a smaller unit");
}

namespace {

/// Hashes of up to `wanted` different rows.
class RowSet {
 public:
  explicit RowSet(Index wanted) : wanted_(wanted) {}

  bool full() const { return std::ssize(hashes_) >= wanted_; }
  void add(std::vector<double>& row) {
    for (double& x : row) x = std::isnan(x) ? std::numeric_limits<double>::quiet_NaN() : x + 0.0;  // -0 is 0
    hashes_.insert(XXH3_64bits(row.data(), row.size() * sizeof(double)));
  }
  void add(const RowSet& other) { hashes_.insert(other.hashes_.begin(), other.hashes_.end()); }

  /// Collective. Whether the sets of all ranks hold as many as wanted.
  bool full_on_all(const Communicator& comm) const {
    std::vector<std::uint64_t> mine(hashes_.begin(), hashes_.end());
    if (full()) mine.resize(static_cast<std::size_t>(wanted_));
    const std::vector<std::uint64_t> all = comm.all_gather(std::span<const std::uint64_t>(mine));
    return std::ssize(std::unordered_set(all.begin(), all.end())) >= wanted_;
  }

 private:
  Index wanted_;
  std::unordered_set<std::uint64_t> hashes_;
};

}  // namespace

bool has_distinct_rows(const Execution& execution, const Data& data, Index wanted) {
  const Communicator& comm = execution.comm;
  RowSet some(wanted);  // the first block of every rank: mostly that will do
  comm.together([&] {
    const Index first = data.grid().first_row(data.first_block());
    const Index last =
        std::min(data.grid().first_row(data.first_block() + 1), data.grid().first_row(data.last_block()));
    for (Index r = first; r < last && !some.full(); ++r) {
      if (data.weight(r) == 0.0) continue;
      std::vector<double> row = data.row(r);
      some.add(row);
    }
  });
  if (some.full_on_all(comm)) return true;

  std::vector<RowSet> seen(execution.n_threads, some);
  comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int thread) {
      for (int r = 0; r < block.n_rows && !seen[thread].full(); ++r) {
        if (block.weights && block.weights[r] == 0.0) continue;
        std::vector<double> row = row_of(block, block.first_row + r, data.n_columns());
        seen[thread].add(row);
      }
    });
  });
  for (std::size_t t = 1; t < seen.size(); ++t) seen[0].add(seen[t]);
  return seen[0].full_on_all(comm);
}

}  // namespace gmmpi
