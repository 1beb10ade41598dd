// Streamed rows: every failure and request to stop reaches all ranks, and leaves nobody waiting.
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "stream_support.hpp"

using namespace stream_test;

TEST_CASE("StreamData: where reading fails in a pass, all ranks throw that error", "[mpi]") {
  const Table t;
  const std::string expected = "74 the disk is gone";
  for (const Index bad_row : {Index{70}, kRows / 2, kRows - 1})
    for (const int n_threads : {1, 3}) {
      HookedReader rows(t.rows, kColumns);
      const auto execution = on(test_world(), n_threads);
      const StreamData data(execution, rows, nullptr, 2 * block_bytes(kRows, kColumns));
      rows.hook = [&](Index first, Index count) {
        if (first <= bad_row && bad_row < first + count) throw Error(ExitCode::io_failed, "the disk is gone");
      };
      CHECK(error_of([&] { test_world().together([&] { data.for_each_block(execution, nothing); }); }) ==
            expected);
      gmmpi::FitOptions options;
      options.n_components = 2;
      options.structure = &gmmpi::find_structure("diag");
      CHECK(error_of([&] { in_memory::fit(execution, data, options); }) == expected);
      rows.hook = [](Index, Index) {};  // and it can be used again
      CHECK(error_of([&] { in_memory::fit(execution, data, options); }) == "none");
    }
}

TEST_CASE("StreamData: where a drawn row cannot be read, all ranks throw that error", "[mpi]") {
  const Table t;
  HookedReader rows(t.rows, kColumns);
  const auto execution = on(test_world());
  const StreamData data(execution, rows, nullptr, 2 * block_bytes(kRows, kColumns));
  gmmpi::FitOptions options;
  options.n_components = 3;
  options.structure = &gmmpi::find_structure("diag");
  options.init = gmmpi::Init::random_from_data;
  const std::thread::id main_thread = std::this_thread::get_id();
  const Index first_row = data.grid().first_row(data.first_block());
  rows.hook = [&](Index first, Index) {  // the first block is looked at before; passes have their own thread
    if (std::this_thread::get_id() == main_thread && first != first_row)
      throw Error(ExitCode::io_failed, "no such row");
  };
  const std::string error = error_of([&] { in_memory::fit(execution, data, options); });
  CHECK(error == "74 no such row");
}

TEST_CASE("StreamData: of several blocks that fail, the error of the first counts", "[mpi]") {
  const Table t;
  for (const int n_threads : {1, 2, 5})
    for (const Index n_blocks : {2, 30}) {
      HookedReader rows(t.rows, kColumns);
      const auto execution = on(test_world(), n_threads);
      const StreamData data(execution, rows, nullptr, n_blocks * block_bytes(kRows, kColumns));
      std::atomic<bool> begins = true;
      const auto pass = [&] {
        test_world().together([&] {
          data.for_each_block(execution, [&](const Block& block, int) {
            if (begins.exchange(false)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
            if (block.index >= 5) throw Error(ExitCode::numerical, "block " + std::to_string(block.index));
          });
        });
      };
      CHECK(error_of(pass) == "79 block 5");
    }
}

TEST_CASE("StreamData: bad values and weights are named as by MemoryData", "[mpi]") {
  Table t;
  const auto error = [&](const std::vector<double>& x, const std::vector<double>& w) {
    HookedReader rows(x, kColumns);
    VectorReader weights(w, 1, ElementType::f8, "weights");
    return error_of(
        [&] { StreamData(on(test_world(), 2), rows, &weights, 12 * block_bytes(kRows, kColumns)); });
  };
  std::vector<double> x = t.rows, w = t.weights;
  x[kColumns * 3] = std::numeric_limits<double>::quiet_NaN();  // its weight is 0
  CHECK(error(x, w) == "none");
  x[kColumns * 4801 + 1] = std::numeric_limits<double>::quiet_NaN();
  CHECK(error(x, w).find("65 rows: row 4801, column 1 is NaN") == 0);
  x[kColumns * 4500] = HUGE_VAL;
  x[kColumns * 4800] = HUGE_VAL;
  CHECK(error(x, w).find("65 rows: row 4500, column 0 is infinite") == 0);
  w[77] = -1.0;
  CHECK(error(x, w).find("65 weights: the weight of row 77 is negative") == 0);
  w.pop_back();
  CHECK(error(x, w).find("65 weights: 4999 sample weights for 5000 rows") == 0);
}

TEST_CASE("StreamData: rows that change between two passes are Error 74", "[mpi]") {
  const Table t;
  std::vector<double> x = t.rows;
  HookedReader rows(x, kColumns);
  const auto execution = on(test_world(), 2);
  const StreamData data(execution, rows, nullptr, 2 * block_bytes(kRows, kColumns));
  const auto pass = [&] { test_world().together([&] { data.for_each_block(execution, nothing); }); };
  const auto look = [&] {
    const Index block = 2345 / data.grid().block_rows();
    test_world().together([&] {
      if (block >= data.first_block() && block < data.last_block()) data.row(2310);
    });
  };
  rows.touched = true;
  CHECK(error_of(pass) == "none");
  CHECK(error_of(look) == "none");
  x[kColumns * 2345] = std::nextafter(x[kColumns * 2345], 1e9);
  CHECK(error_of(pass).find("74 rows: rows 2304 to 2367 are not what they were") == 0);
  CHECK(error_of(look).find("74 rows: rows 2304 to 2367 are not what they were") == 0);
}

TEST_CASE("StreamData: a request to stop ends a pass after the block at hand", "[mpi]") {
  const Table t;
  for (const int n_threads : {1, 3})
    for (const Index n_blocks : {3, 12}) {  // most are read, or most are held
      gmmpi::StopRequest stop;
      gmmpi::Execution execution = on(test_world(), n_threads);
      execution.stop = &stop;
      HookedReader rows(t.rows, kColumns);
      const StreamData data(execution, rows, nullptr, n_blocks * block_bytes(kRows, kColumns));
      rows.hook = [](Index, Index) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
      std::atomic<int> n_worked = 0;
      const auto pass = [&] {
        test_world().together([&] {
          data.for_each_block(execution, [&](const Block&, int) {
            if (++n_worked == 2) stop.request(15);
          });
        });
      };
      CHECK(error_of(pass) == "75 signal SIGTERM");
      CHECK(n_worked <= 2 + n_threads);
      CHECK(error_of(pass) == "75 signal SIGTERM");
      CHECK(n_worked <= 2 + n_threads);
    }
}

TEST_CASE("StreamData: a row asked for within a pass is an error, not a deadlock", "[serial]") {
  const Table t;
  HookedReader rows(t.rows, kColumns);
  const StreamData data(alone(), rows, nullptr, 2 * block_bytes(kRows, kColumns));
  CHECK(error_of([&] {
          data.for_each_block(alone(), [&](const Block&, int) { data.row(4000); });
        }).find("70 internal error") == 0);
}

TEST_CASE("StreamData: less than two buffers of a block is Error 71", "[mpi]") {
  const Table t;
  HookedReader rows(t.rows, kColumns);
  const auto bytes = StreamData::least_bytes(BlockGrid(kRows), {kColumns, ElementType::f8});
  CHECK(error_of([&] { StreamData(on(test_world()), rows, nullptr, bytes - 1); }).find("71 rows: ") == 0);
  CHECK(error_of([&] { StreamData(on(test_world()), rows, nullptr, bytes); }) == "none");
}
