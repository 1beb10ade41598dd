// Tests of the npy reader.
// covers: src/io/npy_header.cpp
#include <algorithm>
#include <cstring>

#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;

namespace {

std::string npy_bytes(const std::string& dictionary, const std::string& data, int version = 1) {
  std::string header = "\x93NUMPY";
  header += static_cast<char>(version);
  header += '\0';
  std::string text = dictionary + "\n";
  header += static_cast<char>(text.size() & 255);
  header += static_cast<char>(text.size() >> 8);
  if (version > 1) header += std::string(2, '\0');
  return header + text + data;
}

std::string dictionary(const std::string& type, const std::string& shape, bool fortran = false) {
  return fmt::format("{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}", type, fortran ? "True" : "False",
                     shape);
}

template <class T>
std::string raw(const std::vector<T>& values, bool swap = false) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  if (swap)
    for (std::size_t i = 0; i < bytes.size(); i += sizeof(T))
      std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                   bytes.begin() + static_cast<std::ptrdiff_t>(i + sizeof(T)));
  return bytes;
}

const std::vector<double> kRows{1, 2, 3, 100, 5, 0};  // 3 x 2

template <class T>
void check_type(const TemporaryDirectory& dir, const std::string& type, ElementType element) {
  const std::vector<T> by_row(kRows.begin(), kRows.end());
  const std::vector<T> by_column{T(1), T(3), T(5), T(2), T(100), T(0)};
  for (const bool swap : {false, true})
    for (const bool fortran : {false, true}) {
      const std::string order = sizeof(T) == 1 ? "|" : swap ? ">" : "<";
      CAPTURE(order, type, fortran);
      const std::string path =
          write_file(dir / "a.npy", npy_bytes(dictionary("'" + order + type + "'", "(3, 2)", fortran),
                                              raw(fortran ? by_column : by_row, swap)));
      const auto reader = open_data(test_world(), path);
      CHECK(reader->element() == element);
      CHECK(all_rows(*reader) == kRows);
      if (element == ElementType::f4)
        CHECK(all_rows<float>(*reader) == std::vector<float>(kRows.begin(), kRows.end()));
      std::vector<double> last(2);
      reader->read(1, 1, last.data());
      CHECK(last == std::vector<double>{3, 100});
    }
}

}  // namespace

TEST_CASE("npy: floats and integers of either byte order and both array orders") {
  const TemporaryDirectory dir;
  check_type<double>(dir, "f8", ElementType::f8);
  check_type<float>(dir, "f4", ElementType::f4);
  check_type<std::int8_t>(dir, "i1", ElementType::f4);
  check_type<std::uint8_t>(dir, "u1", ElementType::f4);
  check_type<std::int16_t>(dir, "i2", ElementType::f4);
  check_type<std::uint16_t>(dir, "u2", ElementType::f4);
  check_type<std::int32_t>(dir, "i4", ElementType::f8);
  check_type<std::uint32_t>(dir, "u4", ElementType::f8);
  check_type<std::int64_t>(dir, "i8", ElementType::f8);
  check_type<std::uint64_t>(dir, "u8", ElementType::f8);
}

TEST_CASE("npy: half precision and bool") {
  const TemporaryDirectory dir;
  // 1, -2, 65504 (largest), 2^-24 (smallest), 2^-14 (smallest normal), 1/3, -0, inf
  const std::vector<std::uint16_t> half{0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555, 0x8000, 0x7c00};
  const auto reader =
      open_data(test_world(), write_file(dir / "h.npy", npy_bytes(dictionary("'<f2'", "(4, 2)"), raw(half))));
  CHECK(reader->element() == ElementType::f4);
  const std::vector<float> values = all_rows<float>(*reader);
  CHECK(values == std::vector<float>{1, -2, 65504, 0x1p-24f, 0x1p-14f, 0.333251953125f, -0.0f,
                                     std::numeric_limits<float>::infinity()});
  CHECK(std::signbit(values[6]));
  write_file(dir / "b.npy", npy_bytes(dictionary("'|b1'", "(2, 1)"), std::string("\1\0", 2)));
  CHECK(all_rows(dir / "b.npy") == std::vector<double>{1, 0});
}

TEST_CASE("npy: format versions 1 to 3, and many rows in Fortran order") {
  const TemporaryDirectory dir;
  constexpr int n = 30000;
  std::vector<double> by_row, by_column(3 * n);
  for (int i = 0; i < 3 * n; ++i) by_row.push_back(i + 0.5);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < 3; ++j)
      by_column[static_cast<std::size_t>(j * n + i)] = by_row[static_cast<std::size_t>(3 * i + j)];
  for (const int version : {1, 2, 3}) {
    const std::string shape = fmt::format("({}, 3)", n);
    write_file(dir / "c.npy", npy_bytes(dictionary("'<f8'", shape), raw(by_row), version));
    write_file(dir / "f.npy", npy_bytes(dictionary("'<f8'", shape, true), raw(by_column), version));
    CHECK((all_rows(dir / "c.npy") == by_row));
    CHECK((all_rows(dir / "f.npy") == by_row));
  }
}

TEST_CASE("npy: many values that are converted") {
  const TemporaryDirectory dir;
  std::vector<float> stored(60000);
  for (std::size_t i = 0; i < stored.size(); ++i) stored[i] = static_cast<float>(i);
  write_file(dir / "a.npy", npy_bytes(dictionary("'>f4'", "(20000, 3)"), raw(stored, true)));
  CHECK((all_rows(dir / "a.npy") == std::vector<double>(stored.begin(), stored.end())));
}

TEST_CASE("npy: a one-dimensional array is a column, not a table") {
  const TemporaryDirectory dir;
  const std::string path =
      write_file(dir / "w.npy", npy_bytes(dictionary("'<f8'", "(3,)"), raw<double>({1, 2, 3})));
  const auto column = open_column(test_world(), path, "/sample_weight", "sample weights");
  CHECK(column->n_rows() == 3);
  CHECK(column->n_columns() == 1);
  CHECK(all_rows(*column) == std::vector<double>{1, 2, 3});
  CHECK_THAT(open_error(path),
             StartsWith("65 " + path + " has 1 dimension (3)") && Contains("X.reshape(-1, 1)"));
  write_file(path, npy_bytes(dictionary("'<f8'", "(2, 2)"), raw(std::vector<double>(4))));
  CHECK_THAT(error_of([&] { open_column(test_world(), path, "", "sample weights"); }),
             StartsWith("65 sample weights " + path + " has 2 columns (2 x 2)"));
}

TEST_CASE("npy: what is no table of numbers is refused") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.npy", data(64, '\0');
  const auto error = [&](const std::string& type, const std::string& shape) {
    return open_error(write_file(path, npy_bytes(dictionary(type, shape), data)));
  };
  CHECK_THAT(error("'<c16'", "(2, 2)"), StartsWith("65 " + path + " holds complex numbers"));
  CHECK_THAT(error("'<U2'", "(2, 2)"), StartsWith("65 " + path + " holds strings"));
  CHECK_THAT(error("'|S2'", "(2, 2)"), StartsWith("65 " + path + " holds strings"));
  CHECK_THAT(error("'|O'", "(2, 2)"), StartsWith("65 " + path + " holds Python objects"));
  CHECK_THAT(error("[('a', '<f8'), ('b', '<i4')]", "(2,)"), StartsWith("65 " + path + " holds records"));
  CHECK_THAT(error("'<f16'", "(2, 2)"), StartsWith("65 " + path + " holds extended floats"));
  CHECK_THAT(error("'<M8[s]'", "(2, 2)"), Contains("dtype <M8[s]"));
  CHECK_THAT(error("'<f8'", "(2, 2, 2)"), StartsWith("65 " + path + " has 3 dimensions (2 x 2 x 2)"));
  CHECK_THAT(error("'<f8'", "()"), StartsWith("65 " + path + " is a single value"));
  CHECK_THAT(error("'<f8'", "(0, 4)"), StartsWith("65 " + path + " has 0 rows (0 x 4)"));
  CHECK_THAT(error("'<f8'", "(4, 0)"), StartsWith("65 " + path + " has 0 columns (4 x 0)"));
}

TEST_CASE("npy: damaged and truncated files are refused") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.npy";
  const std::string sound = npy_bytes(dictionary("'<f8'", "(4, 2)"), std::string(64, '\0'));
  const auto error = [&](const std::string& bytes) { return open_error(write_file(path, bytes)); };
  CHECK(error(sound) == "no error");
  CHECK_THAT(
      error(sound.substr(0, sound.size() - 1)),
      StartsWith("65 " + path + ": the file is truncated (an array of 4 x 2 takes 64 bytes, 63 are there)"));
  for (const std::size_t length : {7, 11, 30})
    CHECK_THAT(error(sound.substr(0, length)), StartsWith("65 " + path + ": not a sound npy file"));
  CHECK_THAT(error(npy_bytes("{'descr': '<f8'}", "")), StartsWith("65 " + path + ": not a sound npy file"));
  CHECK_THAT(error(npy_bytes(dictionary("'<f8'", "(4611686018427387904, 4)"), "")),
             StartsWith("65 " + path + ": not a sound npy file"));
  CHECK_THAT(error(npy_bytes(dictionary("'<f3'", "(1, 1)"), "abc")),
             StartsWith("65 " + path + ": not a sound npy file"));
}
