// RowLabels: counts and fingerprint on any ranks, rows of weight zero, labels that make no sense.
#include <catch2/catch.hpp>

#include "gmmpi/data/row_labels.hpp"
#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::RowLabels;

RowLabels read(const gmmpi::Execution& execution, const gmmpi::Data& data, const std::vector<double>& values,
               int n_classes) {
  in_memory::VectorReader reader(values, 1, gmmpi::ElementType::f8, "labels y.npy");
  return RowLabels(execution, data, reader, n_classes);
}

/// The message of the Error 65 that these labels of five rows are.
std::string refusal(const std::vector<double>& values, int n_classes) {
  const auto execution = in_memory::on(test_world());
  const auto data = in_memory::make_data(execution, std::vector<double>{1, 2, 3, 4, 5}, 1);
  try {
    read(execution, data, values, n_classes);
  } catch (const gmmpi::Error& e) {
    CHECK(e.code() == gmmpi::ExitCode::bad_data);
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("row_labels: the same counts and fingerprint on any ranks", "[mpi]") {
  const std::vector<double> rows = in_memory::clusters(1000, 2, 3, 5.0, 3);
  std::vector<double> values;
  for (int n = 0; n < 1000; ++n) values.push_back(n % 7 < 3 ? n % 3 : -1);
  const auto many = in_memory::on(test_world());
  const auto data = in_memory::make_data(many, rows, 2),
             whole = in_memory::make_data(in_memory::alone(), rows, 2);
  const RowLabels labels = read(many, data, values, 4), alone = read(in_memory::alone(), whole, values, 4);
  CHECK(labels.fingerprint() == alone.fingerprint());
  CHECK(labels.n_known() == 429);
  CHECK(labels.n_rows(0) == 143);
  CHECK(labels.n_rows(3) == 0);
  CHECK(!labels.complete());
  const gmmpi::Index first = data.grid().first_row(data.first_block());
  for (gmmpi::Index n = first; n < data.grid().first_row(data.last_block()); ++n)
    REQUIRE(labels[n] == static_cast<std::int32_t>(values[n]));
  values[998] = values[998] == -1 ? 0 : -1;
  CHECK(read(many, data, values, 4).fingerprint() != labels.fingerprint());
}

TEST_CASE("row_labels: rows of weight zero have none, whatever stands there", "[mpi]") {
  const auto execution = in_memory::on(test_world());
  const std::vector<double> rows{1, 2, 3, 4}, weights{1, 0, 2, 0.5};
  const auto data = in_memory::make_data(execution, rows, 1, weights);
  const RowLabels labels = read(execution, data, {0, NAN, 1, 0}, 2);
  CHECK(labels.complete());
  CHECK(labels.n_known() == 3);
  CHECK(labels.fingerprint() == read(execution, data, {0, 77, 1, 0}, 2).fingerprint());
}

TEST_CASE("row_labels: what is no label is named with its row", "[mpi]") {
  CHECK_THAT(refusal({0, 1, 2, 0, 1}, 2),
             Catch::Contains("y.npy: the label of row 2 is 2; with `n_components` 2"));
  CHECK_THAT(refusal({0, 1, 0, -2, 1}, 2), Catch::Contains("row 3 is -2"));
  CHECK_THAT(refusal({0, 0.5, 0, 1, 1}, 2), Catch::Contains("row 1 is 0.5"));
  CHECK_THAT(refusal({0, NAN, 0, 1, 1}, 2), Catch::Contains("row 1 is nan"));
  CHECK_THAT(refusal({0, 1, 0, 1}, 2), Catch::Contains("4 labels for 5 rows"));
  CHECK_THAT(refusal({-1, -1, -1, -1, -1}, 2), Catch::Contains("no row has a label"));
  CHECK_THAT(refusal({0, 0, 2, 2, 2}, 3), Catch::Contains("class 1 has no rows"));
  CHECK(refusal({0, 0, 2, 2, -1}, 3).empty());  // its rows may be among the unknown
  CHECK(refusal({9, 0, 9, 2, 2}, RowLabels::kAnyClasses).empty());
  CHECK_THAT(refusal({9, 0, 0, 70000, 2}, RowLabels::kAnyClasses),
             Catch::Contains("row 3 is 70000; labels are whole numbers from 0 to 65535"));
}
