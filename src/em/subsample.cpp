// subsample: one row out of each group of consecutive ones, gathered on all ranks.
#include "em/subsample.hpp"

#include <algorithm>
#include <optional>

#include "data/random.hpp"
#include "data/vector_reader.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

constexpr Index kLeastGroup = 8, kMostValues = Index{1} << 21;
constexpr Index kLeastRows = 4096;

/// Rows of which one is drawn; 0: no subsample.
Index rows_per_group(Index n_rows, int width, Index least_rows) {
  const Index rows = std::max(kLeastGroup, n_rows * width / kMostValues + 1);
  return n_rows / rows < std::max(kLeastRows, least_rows) ? 0 : rows;
}

/// Weight, values and errors of the chosen rows of a block.
std::vector<double> choose(const Block& block, int d, Index group_rows, std::uint64_t seed) {
  std::vector<double> chosen;
  chosen.reserve((block.n_rows / group_rows + 2) * (1 + d + block.n_errors));
  const Index last = block.first_row + block.n_rows;
  for (Index group = block.first_row / group_rows; group * group_rows < last; ++group) {
    const Index row =
        group * group_rows + static_cast<Index>(uniform(seed, Purpose::subsample, group, 0) * group_rows);
    if (row < block.first_row || row >= last) continue;
    const double weight = block.weights ? block.weights[row - block.first_row] : 1.0;
    if (weight == 0.0) continue;
    chosen.push_back(weight);
    const auto append = [&](const auto& numbers, Index width) {
      std::visit(
          [&](const auto* first) {
            const auto* x = first + (row - block.first_row) * width;
            chosen.insert(chosen.end(), x, x + width);
          },
          numbers);
    };
    append(block.rows, d);
    append(block.errors, block.n_errors);
  }
  return chosen;
}

}  // namespace

std::unique_ptr<Data> subsample(const Execution& execution, const Data& data, int n_components,
                                Index least_rows, std::uint64_t seed) {
  const int d = data.n_columns(), n = data.n_errors();
  const Index group_rows = rows_per_group(data.grid().n_rows(), d + n, least_rows);
  if (group_rows == 0) return nullptr;
  std::vector<std::vector<double>> parts(data.last_block() - data.first_block());
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int) {
      parts[block.index - data.first_block()] = choose(block, d, group_rows, seed);
    });
  });
  std::vector<double> weights, values, errors;
  {
    std::size_t size = 0;
    for (const auto& part : parts) size += part.size();
    std::vector<double> packed;
    packed.reserve(size);
    for (const auto& part : parts) packed.insert(packed.end(), part.begin(), part.end());
    parts.clear();
    packed = execution.comm.all_gather(std::span<const double>(packed));
    const std::size_t width = 1 + d + n, n_rows = packed.size() / width;
    GMMPI_EXPECT(packed.size() == n_rows * width);
    weights.reserve(n_rows);
    values.reserve(n_rows * d);
    errors.reserve(n_rows * n);
    for (auto row = packed.begin(); row != packed.end(); row += width) {
      weights.push_back(*row);
      values.insert(values.end(), row + 1, row + 1 + d);
      errors.insert(errors.end(), row + 1 + d, row + width);
    }
  }
  if (std::ssize(weights) < std::max(kLeastRows, least_rows)) return nullptr;
  VectorReader value_reader("a subsample", std::move(values), d),
      weight_reader("its weights", std::move(weights), 1);
  std::optional<VectorReader> error_reader;
  if (n > 0) error_reader.emplace("its errors", std::move(errors), n);
  auto sample = std::make_unique<MemoryData>(execution, value_reader, &weight_reader,
                                             data.summary().has_gaps() ? Missing::em : Missing::error,
                                             error_reader ? &*error_reader : nullptr);
  if (!has_distinct_rows(execution, *sample, n_components)) return nullptr;
  return sample;
}

std::int64_t subsample_bytes(Index n_rows, int width, Index least_rows) {
  const Index group_rows = rows_per_group(n_rows, width, least_rows);
  constexpr int copies = 3;  // packed, and twice while they are gathered; later by column, and held
  return group_rows == 0 ? 0 : copies * 8 * (n_rows / group_rows + 1) * (width + 1);
}

}  // namespace gmmpi
