// Folds of cross-validation: a balanced partition by row numbers, and data with the others' weights at zero.
#include "data/fold_data.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::FoldData;
using gmmpi::Folds;
using gmmpi::Index;
using Part = gmmpi::FoldData::Part;

}  // namespace

TEST_CASE("folds: every group of consecutive rows has one row of each fold, in random order", "[serial]") {
  const Folds folds{7, 3};
  const std::vector<int> all = folds.of_rows(0, 7 * 300);
  int n_sorted = 0;
  for (auto group = all.begin(); group != all.end(); group += 7) {
    std::vector<int> sorted(group, group + 7);
    n_sorted += std::ranges::is_sorted(sorted);
    std::ranges::sort(sorted);
    REQUIRE(sorted == std::vector<int>{0, 1, 2, 3, 4, 5, 6});
  }
  CHECK(n_sorted < 5);
  CHECK(Folds{7, 4}.of_rows(0, 7 * 300) != all);
  for (int fold = 0; fold < 7; ++fold) {  // and the first row of a group is in each about as often
    int n_first = 0;
    for (std::size_t i = 0; i < all.size(); i += 7) n_first += all[i] == fold;
    CHECK(n_first == Approx(300.0 / 7).margin(25));
  }
}

TEST_CASE("folds: any range of rows gives the same folds", "[serial]") {
  const Folds folds{5, 11};
  const std::vector<int> all = folds.of_rows(0, 64);
  for (const Index first : {0, 1, 5, 13, 63, 64})
    for (const Index last : {first, Index{64}})
      CHECK(folds.of_rows(first, last) == std::vector<int>(all.begin() + first, all.begin() + last));
}

TEST_CASE("fold data: training and held-out rows make up the data", "[mpi]") {
  const gmmpi::Execution execution = in_memory::on(test_world(), 2);
  const Index n = 1003;
  const std::vector<double> rows = in_memory::clusters(n, 3, 2, 3.0, 5);
  std::vector<double> weights(n);
  for (Index i = 0; i < n; ++i) weights[i] = i % 4 * 0.5;
  const auto data = in_memory::make_data(execution, rows, 3, weights);
  const Folds folds{5, 1};
  const std::vector<int> fold_of = folds.of_rows(0, n);
  Index n_held_out = 0;
  for (int fold = 0; fold < 5; ++fold) {
    const FoldData held_out(execution, data, folds, fold, Part::held_out),
        training(execution, data, folds, fold, Part::training);
    double expected = 0.0;
    for (Index i = 0; i < n; ++i) expected += fold_of[i] == fold ? weights[i] : 0.0;
    CHECK(held_out.summary().total_weight == expected);
    CHECK(held_out.summary().n_rows + training.summary().n_rows == data.summary().n_rows);
    CHECK(held_out.summary().total_weight + training.summary().total_weight == data.summary().total_weight);
    CHECK(held_out.summary().fingerprint != training.summary().fingerprint);
    n_held_out += held_out.summary().n_rows;
    training.for_each_block(execution, [&](const gmmpi::Block& block, int) {
      for (int r = 0; r < block.n_rows; ++r) {
        const Index row = block.first_row + r;
        const double wanted = fold_of[row] == fold ? 0.0 : weights[row];
        if (block.weights[r] != wanted || training.weight(row) != wanted)
          throw gmmpi::Error(gmmpi::ExitCode::internal, "weight of row " + std::to_string(row));
      }
    });
  }
  CHECK(n_held_out == data.summary().n_rows);
}

TEST_CASE("fold data: a fold without rows is an error on all ranks", "[mpi]") {
  const gmmpi::Execution execution = in_memory::on(test_world());
  const std::vector<double> rows{1.0, 2.0, 3.0};
  const auto data = in_memory::make_data(execution, rows, 1);
  int n_empty = 0;
  for (int fold = 0; fold < 8; ++fold) {
    try {
      const FoldData held_out(execution, data, {8, 0}, fold, Part::held_out);
      CHECK(held_out.summary().n_rows == 1);
    } catch (const gmmpi::Error& e) {
      CHECK(e.code() == gmmpi::ExitCode::bad_data);
      ++n_empty;
    }
  }
  CHECK(n_empty == 5);
}
