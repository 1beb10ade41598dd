// What the tests of streamed rows share: a reader with a hook, a table, expected errors.
#pragma once

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gmmpi/data/stream_data.hpp"
#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace stream_test {

using gmmpi::Block;
using gmmpi::BlockGrid;
using gmmpi::ElementType;
using gmmpi::Error;
using gmmpi::ExitCode;
using gmmpi::Index;
using gmmpi::StreamData;
using in_memory::alone;
using in_memory::on;
using in_memory::VectorReader;

/// Rows out of a vector; a hook sees every reading, and may throw.
class HookedReader final : public gmmpi::DataReader {
 public:
  std::function<void(Index first, Index count)> hook = [](Index, Index) {};
  std::atomic<Index> n_rows_read = 0;
  bool touched = false;

  HookedReader(std::span<const double> values, int d, ElementType element = ElementType::f8)
      : values_(values, d, element) {
    n_rows_ = values_.n_rows();
    n_columns_ = d;
    element_ = element;
    name_ = "rows";
  }
  void read(Index first, Index count, double* out) override { read_as(first, count, out); }
  void read(Index first, Index count, float* out) override { read_as(first, count, out); }
  bool is_touched() const override { return touched; }

 private:
  template <class T>
  void read_as(Index first, Index count, T* out) {
    hook(first, count);
    n_rows_read += count;
    values_.read(first, count, out);
  }
  VectorReader values_;
};

/// Bytes of a block.
inline std::int64_t block_bytes(Index n, int d, ElementType element = ElementType::f8) {
  return StreamData::least_bytes(BlockGrid(n), {d, element}) / 2;
}

/// "74 message" of what `work` throws; equal on all ranks.
template <class Fn>
std::string error_of(Fn&& work) {
  std::string text = "none";
  try {
    work();
  } catch (const Error& e) {
    text = std::to_string(static_cast<int>(e.code())) + " " + e.what();
  }
  std::string of_root = text;
  test_world().broadcast(of_root);
  CHECK(text == of_root);
  return text;
}

inline void nothing(const Block&, int) {}

inline constexpr Index kRows = 5000;  // 79 blocks
inline constexpr int kColumns = 3;

struct Table {
  std::vector<double> rows, weights;
  Table() : rows(in_memory::clusters(kRows, kColumns, 4, 2.0, 5)) {
    for (double& x : rows) x = static_cast<double>(static_cast<float>(x));
    for (Index n = 0; n < kRows; ++n) weights.push_back(n % 7 == 3 ? 0.0 : 0.25 * double(1 + n % 13));
  }
};

}  // namespace stream_test
