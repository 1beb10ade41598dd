// Agreement with known classes: tables counted by hand, on any ranks.
#include "gmmpi/inference/agreement.hpp"

#include <catch2/catch.hpp>

#include "support/in_memory.hpp"
#include "support/world.hpp"

using gmmpi::Index;

TEST_CASE("agreement: the best matching, and what is left without a partner", "[serial]") {
  const gmmpi::Agreement same = gmmpi::agreement(std::vector<Index>{0, 5, 7, 0}, 2, 2);
  CHECK(same.adjusted_rand_index == 1.0);
  CHECK(same.accuracy == 1.0);
  CHECK(same.class_of == std::vector<int>{1, 0});

  // scikit-learn: adjusted_rand_score([0, 0, 1, 1], [0, 0, 1, 2])
  const gmmpi::Agreement split = gmmpi::agreement(std::vector<Index>{2, 0, 0, 1, 0, 1}, 3, 2);
  CHECK(split.adjusted_rand_index == Approx(0.5714285714285715).epsilon(1e-14));
  CHECK(split.accuracy == 0.75);
  CHECK(split.n_rows == 4);
  CHECK(split.class_of == std::vector<int>{0, 1, -1});

  // The largest entry of each row would give 4 + 3; the pairs must differ.
  CHECK(gmmpi::agreement(std::vector<Index>{4, 3, 3, 0}, 2, 2).accuracy == 0.6);
}

TEST_CASE("agreement: noise is a group, and never right", "[serial]") {
  const gmmpi::Agreement a = gmmpi::agreement(std::vector<Index>{4, 0, 0, 4, 1, 1}, 2, 2);
  CHECK(a.accuracy == 0.8);
  CHECK(a.class_of == std::vector<int>{0, 1});
  CHECK(a.adjusted_rand_index < 1.0);
}

TEST_CASE("class_table: rows of known classes and positive weight, once each", "[mpi]") {
  const auto execution = in_memory::on(test_world());
  std::vector<double> rows, weights, values;
  std::vector<Index> table(4);
  for (int n = 0; n < 700; ++n) {
    rows.push_back(n % 2 ? 10.0 : -10.0);
    weights.push_back(n % 5 == 0 ? 0.0 : 2.5);
    values.push_back(n % 7 == 0 ? -1 : n % 3 == 0);
    if (n % 5 > 0 && n % 7 > 0) ++table[2 * (n % 2) + (n % 3 == 0)];
  }
  const auto data = in_memory::make_data(execution, rows, 1, weights);
  in_memory::VectorReader reader(values, 1, gmmpi::ElementType::f8, "labels y.npy");
  const gmmpi::RowLabels labels(execution, data, reader, gmmpi::RowLabels::kAnyClasses);
  CHECK(labels.n_classes() == 2);
  const gmmpi::Mixture model = in_memory::make_model("full", {{0.5, 0.5}, {-10, 10}, {1, 1}});
  CHECK(gmmpi::class_table(execution, data, model, labels) == table);
}
