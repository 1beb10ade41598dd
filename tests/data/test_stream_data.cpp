// Streamed rows: the same blocks, summaries and fits as in memory, within few buffers.
// covers: src/data/block_stream.cpp
#include <chrono>
#include <thread>

#include "gmmpi/data/memory_data.hpp"
#include "stream_support.hpp"

using namespace stream_test;

TEST_CASE("StreamData: a plan keeps to its bytes, with two buffers or more", "[serial]") {
  for (const Index n : {1, 700, 5000, 3'000'000})
    for (const int d : {1, 16, 3000})
      for (const int n_threads : {1, 2, 64})
        for (const ElementType element : {ElementType::f4, ElementType::f8}) {
          const BlockGrid grid(n);
          const std::int64_t block = block_bytes(n, d, element);
          for (const double share : {0.0, 0.01, 0.3, 0.9, 1.0, 2.0}) {
            const auto bytes = std::max<std::int64_t>(2 * block, share * double(block * grid.n_blocks()));
            const auto p = StreamData::plan(grid, {d, element}, grid.n_blocks(), bytes, n_threads);
            INFO(n << " x " << d << ", " << bytes << " bytes");
            CHECK(p.held_bytes == p.held_blocks * block);
            CHECK(p.held_bytes + p.n_buffers * p.buffer_bytes <= bytes);
            CHECK(p.held_blocks <= grid.n_blocks());
            if (p.held_blocks == grid.n_blocks()) continue;
            CHECK(p.n_buffers >= 2);
            if (n_threads == 1 && bytes >= 20 * block) CHECK(p.held_bytes >= bytes / 2);
            CHECK(p.buffer_bytes == p.buffer_blocks * block);
            // What is left is less than a block, or one for each buffer.
            CHECK(p.held_bytes + (p.n_buffers + 1) * p.buffer_bytes > bytes);
          }
        }
}

TEST_CASE("StreamData: ranks hand out the rows and weights of their blocks, once each", "[mpi]") {
  const Table t;
  for (const ElementType element : {ElementType::f4, ElementType::f8})
    for (const std::int64_t n_blocks : {2, 3, 9, 20, 1000})
      for (const int n_threads : {1, 3}) {
        INFO(n_blocks << " blocks, " << n_threads << " threads");
        HookedReader rows(t.rows, kColumns, element);
        VectorReader weights(t.weights, 1);
        const StreamData data(on(test_world(), n_threads), rows, &weights,
                              n_blocks * block_bytes(kRows, kColumns, element));
        for (int pass = 0; pass < 3; ++pass) {
          std::vector<std::int64_t> count(kRows);
          std::atomic<bool> same = true;
          data.for_each_block(on(test_world(), n_threads), [&](const Block& block, int thread) {
            if ((block.index + thread) % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
            if (thread < 0 || thread >= n_threads) same = false;
            for (int r = 0; r < block.n_rows; ++r) {
              const Index row = block.first_row + r;
              ++count[row];
              for (int j = 0; j < kColumns; ++j)
                if (std::visit([&](const auto* x) { return double(x[kColumns * r + j]); }, block.rows) !=
                    t.rows[kColumns * row + j])
                  same = false;
              if (block.weights[r] != t.weights[row]) same = false;
            }
          });
          CHECK(same);
          test_world().sum(count);
          CHECK(count == std::vector<std::int64_t>(kRows, 1));
          const Index first = data.grid().first_row(data.first_block()),
                      last = data.grid().first_row(data.last_block());
          for (Index row = first; row < last; row += 97) {
            CHECK(data.row(row) == std::vector<double>(t.rows.begin() + kColumns * row,
                                                       t.rows.begin() + kColumns * (row + 1)));
            CHECK(data.weight(row) == t.weights[row]);
          }
        }
      }
}

TEST_CASE("StreamData: what is held is read once, the rest once in every pass", "[mpi]") {
  const Table t;
  HookedReader rows(t.rows, kColumns);
  const StreamData data(on(test_world(), 2), rows, nullptr, 12 * block_bytes(kRows, kColumns));
  const Index n_blocks = data.last_block() - data.first_block();
  const auto plan = StreamData::plan(data.grid(), {kColumns, ElementType::f8}, n_blocks,
                                     12 * block_bytes(kRows, kColumns), 2);
  const Index held_end = std::min(data.last_block(), data.first_block() + plan.held_blocks);
  const Index streamed = data.grid().first_row(data.last_block()) - data.grid().first_row(held_end);
  const Index at_first = rows.n_rows_read;
  CHECK(plan.held_blocks == (n_blocks > 12 ? 6 : n_blocks));
  CHECK(at_first == data.grid().first_row(data.last_block()) - data.grid().first_row(data.first_block()));
  data.for_each_block(on(test_world(), 2), nothing);
  CHECK(rows.n_rows_read == at_first + streamed);
  CHECK(gmmpi::has_distinct_rows(on(test_world(), 2), data, 20));  // a block is enough to know that
  CHECK(rows.n_rows_read <= at_first + streamed + data.grid().block_rows());
}

TEST_CASE("StreamData: summaries are those of MemoryData", "[mpi]") {
  const Table t;
  for (const ElementType element : {ElementType::f4, ElementType::f8})
    for (const bool weighted : {false, true}) {
      HookedReader rows(t.rows, kColumns, element);
      VectorReader weights(t.weights, 1);
      const StreamData data(on(test_world(), 2), rows, weighted ? &weights : nullptr,
                            StreamData::least_bytes(BlockGrid(kRows), {kColumns, element}));
      const auto expected =
          in_memory::make_data(alone(), t.rows, kColumns,
                               weighted ? std::span<const double>(t.weights) : std::span<const double>())
              .summary();
      CHECK(data.summary().fingerprint == expected.fingerprint);
      CHECK(data.summary().total_weight == expected.total_weight);
      CHECK(data.summary().max_weight == expected.max_weight);
      CHECK(data.summary().n_rows == expected.n_rows);
      CHECK(data.summary().minimum == expected.minimum);
      CHECK(data.summary().maximum == expected.maximum);
    }
}

TEST_CASE("StreamData: a fit has the same bits as in memory", "[mpi]") {
  const Table t;
  gmmpi::FitOptions options;
  options.n_components = 4;
  options.tol = 0.0;
  options.max_iter = 4;
  options.seed = 3;
  using gmmpi::Init;
  for (const Init init : {Init::kmeans, Init::kmeans_plusplus, Init::random, Init::random_from_data})
    for (const bool weighted : {false, true}) {
      options.init = init;
      options.structure = &gmmpi::find_structure(weighted ? "tied" : "full");
      const auto used = weighted ? std::span<const double>(t.weights) : std::span<const double>();
      const auto expected =
          in_memory::fit(alone(), in_memory::make_data(alone(), t.rows, kColumns, used), options);
      for (const Index n_blocks : {2, 12}) {
        HookedReader rows(t.rows, kColumns, weighted ? ElementType::f4 : ElementType::f8);
        VectorReader weights(t.weights, 1);
        const auto execution = on(test_world(), n_blocks == 2 ? 1 : 3);
        const StreamData data(execution, rows, weighted ? &weights : nullptr,
                              n_blocks * block_bytes(kRows, kColumns, rows.element()));
        const auto found = in_memory::fit(execution, data, options);
        CHECK(in_memory::same_bits(found.history, expected.history));
        CHECK(in_memory::same_bits(found.model.means, expected.model.means));
        CHECK(in_memory::same_bits(found.model.covariances, expected.model.covariances));
      }
    }
}

TEST_CASE("StreamData: components that collapse are put at the same rows", "[mpi]") {
  const Table t;
  const reference::Parameters start{{0.5, 0.5}, {0, 0, 0, 1e6, 1e6, 1e6}, {1, 1}};
  gmmpi::FitOptions options = in_memory::exactly(6, in_memory::make_model("spherical", start));
  const auto expected = in_memory::fit(alone(), in_memory::make_data(alone(), t.rows, kColumns), options);
  REQUIRE(expected.reseeds.size() == 1);
  HookedReader rows(t.rows, kColumns);
  const StreamData data(on(test_world(), 2), rows, nullptr, 4 * block_bytes(kRows, kColumns));
  const auto found = in_memory::fit(on(test_world(), 2), data, options);
  REQUIRE(found.reseeds.size() == 1);
  CHECK(found.reseeds[0].row == expected.reseeds[0].row);
  CHECK(in_memory::same_bits(found.history, expected.history));
}

TEST_CASE("StreamData: rows are read while others are worked on", "[serial]") {
  const Table t;
  HookedReader rows(t.rows, kColumns);
  const StreamData data(alone(), rows, nullptr, 3 * block_bytes(kRows, kColumns));
  const Index before = rows.n_rows_read;
  std::atomic<bool> ahead = false, first = true;
  data.for_each_block(alone(), [&](const Block&, int) {
    if (!first.exchange(false)) return;
    for (int i = 0; i < 60'000 && !ahead; ++i) {  // the one working thread is here
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ahead = rows.n_rows_read - before >= 3 * data.grid().block_rows();
    }
    CHECK(rows.n_rows_read - before ==
          3 * data.grid().block_rows());  // and no buffer is filled that is in use
  });
  CHECK(ahead);
}
