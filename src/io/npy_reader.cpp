// Tables in numpy's .npy files.
#include "io/npy_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "gmmpi/error.hpp"
#include "io/npy_header.hpp"

namespace gmmpi {

namespace {

/// IEEE 754 half precision, as stored.
struct Half {
  std::uint16_t bits;
  operator float() const {
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    float value = 0;
    if (exponent == 31)
      value = mantissa ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
    else
      value =
          std::ldexp(static_cast<float>(exponent ? mantissa + 1024 : mantissa), std::max(exponent, 1) - 25);
    return bits & 0x8000 ? -value : value;
  }
};

template <class T>
T load(const std::byte* from, bool swapped) {
  std::byte bytes[sizeof(T)];
  if (swapped)
    std::reverse_copy(from, from + sizeof(T), bytes);
  else
    std::memcpy(bytes, from, sizeof(T));
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <class One, class Two, class Four, class Eight, class Fn>
void with_size(int size, Fn&& use) {
  switch (size) {
    case 1:
      return use(std::type_identity<One>{});
    case 2:
      return use(std::type_identity<Two>{});
    case 4:
      return use(std::type_identity<Four>{});
    default:
      return use(std::type_identity<Eight>{});
  }
}

/// Calls `use` with a std::type_identity of the C++ type of the stored values.
template <class Fn>
void with_type(const NpyHeader& header, Fn&& use) {
  if (header.kind == 'f') return with_size<Half, Half, float, double>(header.item_size, use);
  if (header.kind == 'i')
    return with_size<std::int8_t, std::int16_t, std::int32_t, std::int64_t>(header.item_size, use);
  with_size<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>(header.item_size, use);
}

class NpyReader final : public DataReader {
 public:
  explicit NpyReader(const TableRequest& request)
      : file_(request.spec.path, request.subject()), header_(read_npy_header(file_)) {
    const TableShape shape = check_shape(request, header_.shape);
    n_rows_ = shape.rows;
    n_columns_ = shape.columns;
    const int exact_in_f4 = header_.kind == 'f' ? 4 : 2;
    element_ = header_.item_size <= exact_in_f4 ? ElementType::f4 : ElementType::f8;
    stored_ = stored_type(header_.kind == 'f', header_.kind != 'i', header_.item_size);
    shape_ = header_.shape;
    format_ = "npy";
    name_ = request.spec.text;
  }

  void read(Index first, Index count, double* out) override { read_rows(first, count, out); }
  void read(Index first, Index count, float* out) override { read_rows(first, count, out); }
  void read(Index first, Index count, std::int64_t* out) override { read_rows(first, count, out); }
  bool is_touched() const override { return file_.is_touched(); }

 private:
  template <class Out>
  void read_rows(Index first, Index count, Out* out) {
    check_row_range(*this, first, count);
    const Index d = n_columns_;
    if (!header_.fortran_order) return read_values(first * d, count * d, out, 1);
    for (Index done = 0; done < count; done += kPiece) {  // rows that stay in cache for all columns
      const Index n = std::min(kPiece, count - done);
      for (Index j = 0; j < d; ++j) read_values(j * n_rows_ + first + done, n, out + done * d + j, d);
    }
  }

  /// `count` stored values, from value `first` on, to every `stride`-th place of `out`.
  template <class Out>
  void read_values(Index first, Index count, Out* out, Index stride) {
    const Index size = header_.item_size;
    with_type(header_, [&]<class Stored>(std::type_identity<Stored>) {
      if (std::is_same_v<Stored, Out> && !header_.swapped && stride == 1)
        return file_.read(header_.data_offset + first * size,
                          std::as_writable_bytes(std::span(out, static_cast<std::size_t>(count))));
      for (Index done = 0; done < count; done += kPiece) {
        const Index n = std::min(kPiece, count - done);
        scratch_.resize(static_cast<std::size_t>(n * size));
        file_.read(header_.data_offset + (first + done) * size, scratch_);
        for (Index i = 0; i < n; ++i)
          out[(done + i) * stride] =
              static_cast<Out>(load<Stored>(scratch_.data() + i * size, header_.swapped));
      }
    });
  }

  static constexpr Index kPiece = 8192;  ///< values converted at a time
  InputFile file_;
  NpyHeader header_;
  std::vector<std::byte> scratch_;
};

}  // namespace

std::unique_ptr<DataReader> open_npy(const TableRequest& request) {
  return std::make_unique<NpyReader>(request);
}

}  // namespace gmmpi
