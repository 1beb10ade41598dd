// Tests of what the first lines of text tables are taken for: header, separator, row names, encoding.
// covers: src/io/label_column.cpp, src/io/foreign_formats.cpp
#include <cmath>

#include "io/csv_reader.hpp"
#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;

namespace {

using Names = std::vector<std::string>;
using Header = TextFormat::Header;

/// "a|b: 1 2 / 3 4" of a table; missing values are "-".
std::string seen(const std::string& path, const std::string& content, const TextFormat& format = {}) {
  const auto reader = open_data(test_world(), write_file(path, content), "/X", format);
  std::string text = fmt::format("{}:", fmt::join(reader->feature_names(), "|"));
  const std::vector<double> values = all_rows(*reader);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && i % static_cast<std::size_t>(reader->n_columns()) == 0) text += " /";
    text += std::isnan(values[i]) ? " -" : fmt::format(" {}", values[i]);
  }
  return text;
}

}  // namespace

TEST_CASE("csv: a first line is a header if none of its fields is a number or missing") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.csv";
  const auto table = [&](const std::string& text) { return seen(path, text); };
  CHECK(table("a,b\n1,2\n") == "a|b: 1 2");
  CHECK(table("2001,2002\n1,2\n") == ": 2001 2002 / 1 2");
  CHECK(table("NA,2\n1,2\n") == ": - 2 / 1 2");
  CHECK(table("inf,2\n1,2\n") == ": inf 2 / 1 2");
  CHECK(table("\"2001\",\"2002\"\n1,2\n") == "2001|2002: 1 2");  // R and convert write such names
  CHECK(table("\"1\",\"2\"\n\"3\",\"4\"\n") == ": 1 2 / 3 4");   // every field is quoted
  CHECK(table("\"a\",\"b\"\n\"1\",\"2\"\n\"3\",\"4\"\n") == "a|b: 1 2 / 3 4");
  CHECK(table("Na,b\n1,NA\n?,2\n,null\n") == "Na|b: 1 - / - 2 / - -");  // sodium is not missing
  // Text in a row: the row stays, whatever else is in it.
  for (const char* first : {"0.5,-1,red\n", "NA,1,red\n", ",1,red\n", "0.5,NA,blue\n"}) {
    const auto reader = open_data(test_world(), write_file(path, std::string(first) + "0.25,2,blue\n"));
    CHECK(reader->n_rows() == 2);
    CHECK(reader->feature_names().empty());
  }
  const auto labels = open_column(test_world(), write_file(path, "red\nblue\nred\n"), "", "labels");
  CHECK(labels->n_rows() == 3);
}

TEST_CASE("csv: what the request says of header, separator, decimal mark and missing values holds") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.csv";
  TextFormat yes{.header = Header::yes}, no{.header = Header::no};
  CHECK(seen(path, "2001,2002\n1,2\n", yes) == "2001|2002: 1 2");
  CHECK(seen(path, "NA,b\n1,2\n", yes) == "NA|b: 1 2");
  CHECK(error_of([&] { seen(path, "a,b\n1,2\n", no); }) ==
        "65 " + path +
            ": row 0 (line 1), column 0 is not a number (a): give `header` yes if the first line holds "
            "names, or "
            "choose other columns with `columns`");
  CHECK(seen(path, "a:b\n1:2\n", {.separator = ':'}) == "a|b: 1 2");
  CHECK(seen(path, "a b;c\n1.5 2\n", {.separator = ' '}) == "a|b;c: 1.5 2");
  CHECK(seen(path, "a;b\n1,5;-2\n,5;\"2,25\"\n", {.decimal = ','}) == "a|b: 1.5 -2 / 0.5 2.25");
  CHECK(seen(path, "1,5 2,5\n3 4\n", {.separator = ' ', .decimal = ','}) == ": 1.5 2.5 / 3 4");
  CHECK(seen(path, "1,5 2,5\n3 4\n", {.decimal = ','}) == ": 1.5 2.5 / 3 4");
  CHECK_THAT(error_of([&] { seen(path, "a;b\n1.5;2\n", {.decimal = ','}); }),
             Contains("column 0 'a' is not a number (1.5): give `decimal` ."));
  CHECK(seen(path, "a,b\n-999,2\n-9.99e2,missing\n", {.missing = {"-999", "missing"}}) == "a|b: - 2 / - -");
  CHECK(seen(path, "-999,2\n1,2\n", {.missing = {"-999"}}) == ": - 2 / 1 2");
}

TEST_CASE("csv: row names, last separators, line ends and quoted names of all kinds are understood") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.csv";
  const auto table = [&](const std::string& text) { return seen(path, text); };
  CHECK(table("a,b\nr1,1,2\nr2,3,4\n") == "a|b: 1 2 / 3 4");
  CHECK(table("\"a\" \"b\"\n\"1\" 1 2\n\"2\" 3 4\n") == "a|b: 1 2 / 3 4");
  CHECK(table("a\tb\nx\t1\t\ny\t3\t4\n") == "a|b: 1 - / 3 4");
  CHECK(table("a,b,\n1,2,\n3,,\n") == "a|b: 1 2 / 3 -");
  CHECK(table("a,b\n1,2,\n3,4,\n") == "a|b: 1 2 / 3 4");
  CHECK(table("a,b,\n1,2\n3,4\n") == "a|b: 1 2 / 3 4");
  CHECK(table("1,2,\n3,4,\n") == ": 1 2 / 3 4");
  CHECK(table("a,b\r1,2\r3,4\r") == "a|b: 1 2 / 3 4");
  CHECK(table("a,b\r\n1,2\n3,4\r\r\n") == "a|b: 1 2 / 3 4");
  CHECK(table("\"w, mm\",\"two\nlines\"\n1,2\n\n3,4") == "w, mm|two lines: 1 2 / 3 4");
  CHECK(table("\"w\r\nmm\";b\r\n1;2\r\n") == "w mm|b: 1 2");
  CHECK(table("waiting time\n54\n74\n") == "waiting time: 54 / 74");
  CHECK(table("temp (C; mean),p\n1,2\n3,4\n") == "temp (C; mean)|p: 1 2 / 3 4");
  CHECK(table("a|b\n1|2\n") == "a|b: 1 2");
  CHECK(table("5\" pipe,b\n1,2\n3,4\n") == "5\" pipe|b: 1 2 / 3 4");
  CHECK_THAT(open_error(write_file(path, "a,b\n1,\"x\ny\"\n2,z\n")),
             Contains("row 0 (line 2) has a quote that does not end"));
  CHECK_THAT(open_error(write_file(path, "a,b\n1,2,\n3,4\n")), Contains("row 0 (line 2) has 3 fields"));
}

TEST_CASE("csv: names that are not UTF-8 become it, with a warning") {
  const TemporaryDirectory dir;
  const auto names = [&](const std::string& text, std::size_t warnings) {
    const auto reader = open_data(test_world(), write_file(dir / "a.csv", text));
    const auto n = std::ranges::count(reader->notices(), true, &Notice::is_warning);
    CHECK(static_cast<std::size_t>(n) == warnings);
    return reader->feature_names();
  };
  CHECK(names("gr\xf6\xdf"
              "e,\x80\n1,2\n",
              1) == Names{"größe", "€"});
  CHECK(names("größe,€\n1,2\n", 0) == Names{"größe", "€"});
  CHECK(names("\xEF\xBB\xBFgröße,b\n1,2\n", 0) == Names{"größe", "b"});
  CHECK(names("\xed\xa0\x80,b\n1,2\n", 1).front() != "\xed\xa0\x80");  // a surrogate is no UTF-8
}

TEST_CASE("csv: files without a number say what they begin with") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.csv";
  CHECK_THAT(open_error(write_file(path, "Some words, with commas\nand, more\n")),
             Contains("no column holds numbers (the first line is: Some words, with commas)"));
}

TEST_CASE("as_labels: texts are numbered in order, whatever the rank, and what is missing is NaN") {
  const TemporaryDirectory dir;
  std::string text = "x,kind\n";
  for (int i = 0; i < 3000; ++i)
    text += fmt::format("{},{}\n", i, i % 3 == 0 ? "red" : i % 3 == 1 ? "\"blue\"" : "");
  const std::string path = write_file(dir / "a.csv", text);
  LabelColumn labels = as_labels(test_world(), open_data(test_world(), path), 1, "kinds");
  CHECK(labels.classes == Names{"blue", "red"});
  REQUIRE(labels.values->n_rows() == 3000);
  std::vector<double> values(3000);
  labels.values->read(0, 3000, values.data());
  CHECK((values[0] == 1.0 && values[1] == 0.0 && std::isnan(values[2]) && values[2997] == 1.0));
  LabelColumn numbers = as_labels(test_world(), open_data(test_world(), path), 0, "numbers");
  CHECK(numbers.classes.empty());
  numbers.values->read(7, 1, values.data());
  CHECK(values[0] == 7.0);
}

TEST_CASE("open_data: files of tables in other formats are named, and what to do with them") {
  const TemporaryDirectory dir;
  const auto zip = [](const std::string& member) { return "PK\x03\x04" + std::string(26, '\0') + member; };
  const std::vector<std::pair<std::string, std::string>> files{
      {"SIMPLE  =                    T" + std::string(2850, ' '), "a FITS file: convert it"},
      {"<?xml version='1.0'?>\n<VOTABLE version='1.4'>\n", "a VOTable: convert it"},
      {"PAR1" + std::string(20, '\1'), "a Parquet file: convert it"},
      {zip("X.npy"), "an npz file of numpy (a zip archive of arrays): store its table"},
      {zip("[Content_Types].xml"), "an Excel workbook (or another Office file): save the sheet"},
      {std::string("\x1f\x8b\x08", 3), "compressed with gzip: unpack it with gunzip"},
      {"BZh91AY&SY\x12\x34", "compressed with bzip2"},
      {std::string("\xfd"
                   "7zXZ\0",
                   6),
       "compressed with xz"},
      {"{\"a\": [1, 2]}\n", "JSON"},
      {"[[1, 2], [3, 4]]\n", "JSON"},
      {"\xff\xfe"
       "a\0,\0",
       "UTF-16 text: save it as UTF-8"},
      {"<!DOCTYPE html>\n<html>", "an HTML page"},
  };
  for (const auto& [content, message] : files) {
    CAPTURE(message);
    for (const char* name : {"t.csv", "t.dat", "t.h5"})
      CHECK_THAT(open_error(write_file(dir / name, content)),
                 StartsWith("65 " + (dir / name) + ": this is " + message));
  }
  for (const char* header : {"PAR1,b", "ORC,b", "{a},b", "[km],b"})  // a table may begin with such a name
    CHECK(open_data(test_world(), write_file(dir / "a.csv", header + std::string("\n1,2\n")))->n_rows() == 1);
}
