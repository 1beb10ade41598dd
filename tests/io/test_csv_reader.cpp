// Tests of the csv reader.
// covers: src/io/csv_text.cpp
#include <cmath>
#include <limits>

#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;

TEST_CASE("csv: separators, line breaks, comments and blank lines are understood") {
  const TemporaryDirectory dir;
  const std::vector<double> expected{1.5, -2, 3e4, 0.25};
  const std::vector<std::string> texts{
      "1.5,-2\n3e4,.25\n",
      "1.5,-2\r\n3e4,0.25",
      "1.5;-2\n3e4;0.25\n\n\n",
      "1.5\t-2\n3e4\t0.25\n",
      "  1.5   -2\n+3e4\t 0.25  \n",
      "# made by hand\n\n# twice\n1.5 , -2\n\n3e4 ,0.25\n \n",
      "\xEF\xBB\xBF"
      "1.5,-2\n3e4,2.5e-1\n",
  };
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    const auto reader = open_data(test_world(), write_file(dir / fmt::format("{}.csv", i), texts[i]));
    CHECK(reader->n_rows() == 2);
    CHECK(reader->n_columns() == 2);
    CHECK(reader->element() == ElementType::f8);
    CHECK(reader->feature_names().empty());
    CHECK(all_rows(*reader) == expected);
  }
}

TEST_CASE("csv: a first line with text is a header") {
  const TemporaryDirectory dir;
  const auto names = [&](const std::string& text) {
    const auto reader = open_data(test_world(), write_file(dir / "a.csv", text));
    CHECK(all_rows(*reader) == std::vector<double>{1, 2});
    return reader->feature_names();
  };
  using Names = std::vector<std::string>;
  CHECK(names("eruptions,waiting\n1,2\n") == Names{"eruptions", "waiting"});
  CHECK(names("\"a, b\" , \"say \"\"c\"\"\"\r\n1,2\n") == Names{"a, b", "say \"c\""});
  CHECK(names("# a comment\na b\n1 2") == Names{"a", "b"});
  CHECK(names("a b\tc d\n1\t2\n") == Names{"a b", "c d"});
  CHECK(names("\"1\",\"2\"\n1,2\n") == Names{"1", "2"});
}

TEST_CASE("csv: the digits give the nearest double, to the ends of the range") {
  const TemporaryDirectory dir;
  const double infinity = std::numeric_limits<double>::infinity();
  const std::string path = write_file(
      dir / "a.csv", "0.1\n4.9406564584124654e-324\n1.7976931348623157e308\n1e-400\n-1e400\ninf\n-0\nnan\n");
  const std::vector<double> x = all_rows(path);
  REQUIRE(x.size() == 8);
  CHECK(x[0] == 0.1);
  CHECK(x[1] == std::numeric_limits<double>::denorm_min());
  CHECK(x[2] == std::numeric_limits<double>::max());
  CHECK(x[3] == 0.0);
  CHECK(x[4] == -infinity);
  CHECK(x[5] == infinity);
  CHECK(std::signbit(x[6]));
  CHECK(std::isnan(x[7]));
}

TEST_CASE("csv: numbers beyond the range of double are infinite or zero, however they are written") {
  const TemporaryDirectory dir;
  const double infinity = std::numeric_limits<double>::infinity();
  const auto number = [&](const std::string& text) {
    return all_rows(write_file(dir / "a.csv", text + "\n"))[0];
  };
  const std::string zeros(400, '0');
  for (const char* huge : {"1e309", "+1E5000", "17.9e+308", "1e99999999999999999999", "0.001e312"})
    CHECK(number(huge) == infinity);
  CHECK(number("1" + zeros) == infinity);
  CHECK(number("-1" + zeros + ".5") == -infinity);
  CHECK(number("0." + zeros + "1e800") == infinity);
  for (const char* tiny :
       {"1e-324", "-2.4e-324", "1E-5000", "1e-99999999999999999999", "1000e-328", "0e999999"})
    CHECK(number(tiny) == 0.0);
  CHECK(number("0." + zeros + "1") == 0.0);
  CHECK(number("1" + zeros + "e-800") == 0.0);
  CHECK(std::signbit(number("-1e-400")));
}

TEST_CASE("csv: a missing field is NaN, and knows its row and column") {
  const TemporaryDirectory dir;
  const auto reader = open_data(test_world(), write_file(dir / "a.csv", "a,b\n1,2\n\n3,\n,NA\n"));
  const std::vector<double> x = all_rows(*reader);
  REQUIRE(x.size() == 6);
  CHECK((x[0] == 1 && x[1] == 2 && x[2] == 3));
  CHECK((std::isnan(x[3]) && std::isnan(x[4]) && std::isnan(x[5])));
  CHECK(reader->row_text(1) == "row 1 (line 4)");
  CHECK(reader->row_text(0) == "row 0 (line 2)");
  CHECK(reader->column_text(1) == "column 1 'b'");
}

TEST_CASE("csv: a field that is not a number names its row and column") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.csv";
  const auto error = [&](const std::string& text) { return open_error(write_file(path, text)); };
  CHECK_THAT(error("1,2\n3,x\n"),
             StartsWith("65 " + path + ": row 1 (line 2), column 1 is not a number (x)"));
  CHECK_THAT(error("a,b\n1,2\n\"3x\",4\n"), Contains("row 1 (line 3), column 0 'a' is not a number (3x)"));
  CHECK_THAT(error("1 2\n3x 4\n"), Contains("row 1 (line 2), column 0 is not a number (3x)"));
  CHECK_THAT(error("a;b\n1,5;2\n"), Contains("row 0 (line 2), column 0") && Contains("`decimal` ,"));
  CHECK_THAT(error("1,2\n3,--4\n"), Contains("column 1 is not a number (--4)"));
  CHECK_THAT(error("1,2\n3,+-4\n"), Contains("column 1 is not a number (+-4)"));
}

TEST_CASE("csv: a row of another length names itself") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.csv";
  const auto error = [&](const std::string& text) { return open_error(write_file(path, text)); };
  CHECK_THAT(error("1,2\n\n3,4,5\n"),
             StartsWith("65 " + path + ": row 1 (line 3) has 3 fields, the first line has 2"));
  CHECK_THAT(error("a,b,c\n1,2\n"), Contains("row 0 (line 2) has 2 fields, the first line has 3"));
  CHECK_THAT(error("1 2\n3-4\n"), Contains("row 1 (line 2) has 1 field, the first line has 2"));
  CHECK_THAT(error("1 2\n3\n"), Contains("row 1 (line 2) has 1 field, the first line has 2"));
}

TEST_CASE("csv: a file without rows or with row names is refused") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.csv";
  const auto error = [&](const std::string& text) { return open_error(write_file(path, text)); };
  CHECK_THAT(error("a,b\n"), StartsWith("65 " + path + " has 0 rows (0 x 2)"));
  CHECK_THAT(error("a,b"), StartsWith("65 " + path + " has 0 rows (0 x 2)"));
  CHECK_THAT(error("# only this\n\n"), StartsWith("65 " + path + " has 0 rows"));
  CHECK_THAT(error(",a,b\n0,1,2\n"), StartsWith("65 " + path + ": column 0 has no name"));
  CHECK_THAT(error("\"\",\"a\"\n\"1\",2\n"), StartsWith("65 " + path + ": column 0 has no name"));
}

TEST_CASE("csv: every rank finds any rows of a file of many slices") {
  const TemporaryDirectory dir;
  const std::string path = dir / "long.csv";
  constexpr Index n = 200000;
  on_root([&] {
    std::string text = "row,square\n";
    for (Index i = 0; i < n; ++i) {
      text += fmt::format("{},{}{}\n", i, i * i, std::string(static_cast<std::size_t>(i % 7), ' '));
      if (i % 1000 == 0) text += "\n";
      if (i == n / 2) text += "#" + std::string(3 << 20, 'x') + "\n";  // slices in which no line starts
    }
    std::ofstream(path) << text;
  });
  const auto reader = open_data(test_world(), path);
  REQUIRE(reader->n_rows() == n);
  Index wrong = 0;
  std::vector<double> values;
  const auto check = [&](Index first, Index count) {
    values.assign(static_cast<std::size_t>(2 * count), -1);
    reader->read(first, count, values.data());
    for (Index i = 0; i < count; ++i) {
      const auto row = static_cast<double>(first + i);
      wrong += values[static_cast<std::size_t>(2 * i)] != row;
      wrong += values[static_cast<std::size_t>(2 * i + 1)] != row * row;
    }
  };
  for (Index first = 0; first < n; first += 2048) check(first, std::min<Index>(2048, n - first));
  for (Index i = 1; i < 200; ++i) check(n - 1 - (i * 7919) % n, 1);
  check(5, 10);
  check(15, 10);  // goes on where the last read ended
  check(12, 10);  // and back
  check(n, 0);
  check(0, n);
  CHECK(wrong == 0);
  CHECK_THAT(error_of([&] { check(n, 1); }), StartsWith("70 "));
}

TEST_CASE("csv: line numbers are right far into a file") {
  const TemporaryDirectory dir;
  const std::string path = dir / "long.csv";
  on_root([&] {
    std::string text = "# comment\nrow\n";
    for (Index i = 0; i < 500000; ++i) text += i == 450000 ? "\nbad\n" : fmt::format("{}\n", i);
    std::ofstream(path) << text;
  });
  const auto reader = open_data(test_world(), path);
  double value = 0;
  CHECK_THAT(error_of([&] { reader->read(450000, 1, &value); }),
             Contains("row 450000 (line 450004), column 0"));
  CHECK_THAT(open_error(path), Contains("row 450000 (line 450004), column 0"));
  reader->read(450001, 1, &value);
  CHECK(value == 450001);
}
