// Tests of reading HDF5 again and again: decompression once, files that change, several threads.
#include <array>
#include <atomic>
#include <thread>

#include "gmmpi/data/memory_data.hpp"
#include "hdf5_support.hpp"
#include "io/hdf5_values.hpp"
#include "io_support.hpp"
#include "support/in_memory.hpp"

using namespace gmmpi;
using namespace io_test;
using h5::Handle;

namespace {

constexpr H5Z_filter_t kCountingFilter = 300;  // of the numbers that are free for tests
std::atomic<int> g_n_decoded = 0;

/// Changes nothing, and counts the chunks that are read.
std::size_t count_chunks(unsigned flags, std::size_t, const unsigned*, std::size_t n_bytes, std::size_t*,
                         void**) {
  if (flags & H5Z_FLAG_REVERSE) ++g_n_decoded;
  return n_bytes;
}

/// 0, 1, ..., 99, 0, ...
std::vector<double> counting(Index n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = static_cast<double>(i % 100);
  return values;
}

/// Local. A table of counting values, stored as `type`; `prepare` sets up how.
template <class Fn>
void put_table(const std::string& path, Index n, Index d, Fn&& prepare, hid_t type = H5T_NATIVE_DOUBLE,
               hid_t file_creation = H5P_DEFAULT) {
  const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, file_creation, H5P_DEFAULT));
  const std::array<hsize_t, 2> dims{static_cast<hsize_t>(n), static_cast<hsize_t>(d)};
  const Handle space(H5Screate_simple(2, dims.data(), nullptr)), creation(H5Pcreate(H5P_DATASET_CREATE));
  prepare(creation.get());
  const Handle dataset(H5Dcreate2(file, "/X", type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  REQUIRE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, counting(n * d).data()) >= 0);
}

void set_chunk(hid_t creation, Index rows, Index columns) {
  const std::array<hsize_t, 2> chunk{static_cast<hsize_t>(rows), static_cast<hsize_t>(columns)};
  H5Pset_chunk(creation, 2, chunk.data());
}

/// Local. A table of chunks of which those that are read are counted.
void put_counted(const std::string& path, Index n, Index d, Index chunk_rows, Index chunk_columns,
                 hid_t type) {
  const H5Z_class2_t filter{H5Z_CLASS_T_VERS, kCountingFilter, 1,       1,
                            "counting",       nullptr,         nullptr, count_chunks};
  REQUIRE(H5Zregister(&filter) >= 0);
  const auto prepare = [&](hid_t creation) {
    set_chunk(creation, chunk_rows, chunk_columns);
    H5Pset_filter(creation, kCountingFilter, H5Z_FLAG_MANDATORY, 0, nullptr);
  };
  put_table(path, n, d, prepare, type);
  g_n_decoded = 0;
}

}  // namespace

TEST_CASE("hdf5: streaming decompresses every chunk once, though reads end within chunks") {
  const TemporaryDirectory dir;
  const Index n = 90'000, d = 6, chunk_rows = 30'000, n_chunks = 9;
  put_counted(dir / "x.h5", n, d, chunk_rows, 2, H5T_NATIVE_DOUBLE);
  const std::vector<double> expected = counting(n * d);
  const auto decoded_by = [&](DataReader& reader, Index piece) {
    g_n_decoded = 0;
    std::vector<double> rows(expected.size());
    for (Index first = 0; first < n; first += piece)
      reader.read(first, std::min(piece, n - first), rows.data() + first * d);
    CHECK(rows == expected);
    return g_n_decoded.load();
  };
  const auto reader = open_data(Communicator::single(), dir / "x.h5");
  CHECK(reader->storage().rows_together == chunk_rows);
  CHECK(decoded_by(*reader, n) == n_chunks);
  CHECK(decoded_by(*reader, chunk_rows) == n_chunks);
  CHECK(decoded_by(*reader, 2048) > n_chunks);
  reader->begin_streaming();
  CHECK(decoded_by(*reader, 2048) == n_chunks);
  CHECK(decoded_by(*reader, 2048) == n_chunks);
  const std::int64_t chunk_bytes = chunk_rows * 2 * 8;
  CHECK(reader->storage().streaming_bytes >= 3 * chunk_bytes);
  CHECK(reader->storage().streaming_bytes < 6 * chunk_bytes);
}

TEST_CASE("hdf5: rows held in memory decompress every chunk once, though they come in pieces") {
  const TemporaryDirectory dir;
  const Index n = 140'000, d = 64;
  put_counted(dir / "x.h5", n, d, 30'000, 32, H5T_STD_I8LE);
  const auto reader = open_data(Communicator::single(), dir / "x.h5");
  const MemoryData data(in_memory::alone(), *reader, nullptr);
  CHECK(g_n_decoded == 10);
  CHECK(data.row(139'999)[63] == 99.0);
}

TEST_CASE("hdf5: rows are found behind a user block, and however space is allocated") {
  const TemporaryDirectory dir;
  const Index n = 1000, d = 3;
  const Handle plain(H5Pcreate(H5P_FILE_CREATE)), with_user_block(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_userblock(with_user_block, 4096);
  const auto check = [&](void (*prepare)(hid_t), const Handle& file_creation) {
    put_table(dir / "x.h5", n, d, prepare, H5T_NATIVE_DOUBLE, file_creation);
    CHECK(all_rows(dir / "x.h5") == counting(n * d));
  };
  for (const Handle* creation : {&plain, &with_user_block}) {
    check([](hid_t) {}, *creation);
    check([](hid_t c) { H5Pset_alloc_time(c, H5D_ALLOC_TIME_EARLY); }, *creation);
    check([](hid_t c) { H5Pset_layout(c, H5D_COMPACT); }, *creation);
    check([](hid_t c) { set_chunk(c, 7, 2); }, *creation);
  }
}

TEST_CASE("hdf5: a file that becomes shorter while it is read is Error 74, however it is stored") {
  const TemporaryDirectory dir;
  const Index n = 20'000, d = 4;
  const std::vector<std::pair<std::string, void (*)(hid_t)>> storages{
      {"contiguous", [](hid_t) {}},
      {"chunked", [](hid_t c) { set_chunk(c, 100, 4); }},
      {"deflated", [](hid_t c) {
         set_chunk(c, 100, 4);
         H5Pset_deflate(c, 1);
       }}};
  for (const auto& [name, prepare] : storages) {
    INFO(name);
    const std::string path = dir / "x.h5";
    put_table(path, n, d, prepare);
    const auto reader = open_data(Communicator::single(), path);
    std::vector<double> rows(static_cast<std::size_t>(n * d));
    reader->read(0, 100, rows.data());
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1000);  // zeros to HDF5
    CHECK_THAT(error_of([&] { reader->read(0, n, rows.data()); }), StartsWith("74 " + path));
  }
}

TEST_CASE("hdf5: while a thread is in a session, others wait to use HDF5") {
  std::atomic<bool> is_done = false;
  std::thread other;
  {
    const h5::Session session;
    other = std::thread([&] {
      h5::make_image([](hid_t file) { h5::write_attribute(file, "a", 1.0); });
      is_done = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(!is_done);
    CHECK(!h5::make_image([](hid_t) {}).empty());  // sessions nest
  }
  other.join();
  CHECK(is_done);
}

TEST_CASE("hdf5: chunks are read by one thread while another builds files in memory") {
  const TemporaryDirectory dir;
  const Index n = 20'000, d = 4;
  put_table(dir / "x.h5", n, d, [](hid_t c) {
    set_chunk(c, 100, 4);
    H5Pset_deflate(c, 1);
  });
  std::atomic<bool> is_done = false, same = true;
  std::thread builder([&] {
    const auto build = [] {
      return h5::make_image(
          [](hid_t file) { h5::write_dataset(file, "/a/b", counting(100), std::array{Index{100}}); });
    };
    const std::vector<std::byte> first = build();
    while (!is_done) same = same && build() == first;
  });
  const auto reader = open_data(Communicator::single(), dir / "x.h5");
  for (int i = 0; i < 20; ++i) CHECK(all_rows<double>(*reader) == counting(n * d));
  is_done = true;
  builder.join();
  CHECK(same);
}
