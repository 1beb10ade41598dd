// The header of numpy's .npy files: parsed and written.
#include "io/npy_header.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <limits>

#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

constexpr bool kLittle = std::endian::native == std::endian::little;

[[noreturn]] void damaged(const InputFile& file, const std::string& why) {
  throw Error(ExitCode::bad_data, fmt::format("{}: not a sound npy file ({}): copy it again or write it anew",
                                              file.subject(), why));
}

/// The Python dictionary in the header; sets `data_offset`.
std::string read_dictionary(const InputFile& file, std::int64_t& data_offset) {
  unsigned char start[12] = {};
  const std::size_t got = file.read_some(0, std::as_writable_bytes(std::span(start)));
  if (got < sizeof start || std::string_view(reinterpret_cast<char*>(start), kNpyMagic.size()) != kNpyMagic)
    damaged(file, "it does not start like one");
  const int version = start[6];
  if (version < 1 || version > 3) damaged(file, fmt::format("format version {}", version));
  const std::size_t prefix = version == 1 ? 10 : 12;
  std::size_t length = start[8] + 256u * start[9];
  if (version > 1) length += (std::size_t{start[10]} << 16) + (std::size_t{start[11]} << 24);
  data_offset = static_cast<std::int64_t>(prefix + length);
  if (data_offset > file.size()) damaged(file, "it ends inside its header");
  std::string text(length, '\0');
  file.read(static_cast<std::int64_t>(prefix), std::as_writable_bytes(std::span(text)));
  return text;
}

/// The text after `'key':`, without leading blanks.
std::string_view value_of(const InputFile& file, std::string_view dictionary, const char* key) {
  const std::string quoted = fmt::format("'{}':", key);
  const std::size_t at = dictionary.find(quoted);
  if (at == std::string_view::npos) damaged(file, fmt::format("its header has no '{}'", key));
  dictionary.remove_prefix(at + quoted.size());
  dictionary.remove_prefix(std::min(dictionary.find_first_not_of(' '), dictionary.size()));
  return dictionary;
}

void parse_type(const InputFile& file, std::string_view text, NpyHeader& header) {
  const std::string& subject = file.subject();
  if (text.starts_with('['))
    not_numbers(
        subject, "records (a structured dtype)",
        "store the fields as columns of one array (numpy.lib.recfunctions.structured_to_unstructured)");
  const std::string_view type = text.substr(std::min<std::size_t>(1, text.size()), text.find('\'', 1) - 1);
  if (type.size() < 2 || std::string_view("<>|=").find(type[0]) == std::string_view::npos)
    damaged(file, "its header has no sound 'descr'");
  header.kind = type[1];
  header.swapped = type[0] == (kLittle ? '>' : '<');
  std::from_chars(type.data() + 2, type.data() + type.size(), header.item_size);
  switch (header.kind) {
    case 'f':
      if (header.item_size > 8) not_numbers(subject, "extended floats", "store X.astype('float64')");
      break;
    case 'i':
    case 'u':
    case 'b':
      break;
    case 'c':
      not_numbers(subject, "complex numbers", kComplexRemedy);
    case 'U':
    case 'S':
    case 'a':
      not_numbers(subject, "strings", "encode them as numbers");
    case 'O':
      not_numbers(subject, "Python objects (dtype object)", "store X.astype('float64')");
    default:
      not_numbers(subject, fmt::format("values of dtype {}", type), "store X.astype('float64')");
  }
  const int size = header.item_size, least = header.kind == 'f' ? 2 : 1;
  if (size < least || size > 8 || !std::has_single_bit(static_cast<unsigned>(size)))
    damaged(file, fmt::format("it has the dtype {}", type));
}

void parse_shape(const InputFile& file, std::string_view text, NpyHeader& header) {
  const std::size_t end = text.find(')');
  if (!text.starts_with('(') || end == std::string_view::npos)
    damaged(file, "its header has no sound 'shape'");
  text = text.substr(1, end - 1);
  std::int64_t bytes = header.item_size;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,L"), text.size()));
    if (text.empty()) break;
    Index length = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc{} || length < 0 ||
        __builtin_mul_overflow(bytes, std::max<Index>(length, 1), &bytes))
      damaged(file, "its header has no sound 'shape'");
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    header.shape.push_back(length);
  }
  const bool nothing = std::find(header.shape.begin(), header.shape.end(), 0) != header.shape.end();
  if (!nothing && bytes > file.size() - header.data_offset)
    throw Error(
        ExitCode::bad_data,
        fmt::format("{}: the file is truncated (an array of {} takes {} bytes, {} are there): copy it again",
                    file.subject(), shape_text(header.shape), bytes, file.size() - header.data_offset));
}

/// "'<f8'"
std::string type_text(OutputColumn::Type type) {
  using Type = OutputColumn::Type;
  const bool is_float = type == Type::f4 || type == Type::f8;
  const bool is_unsigned = type == Type::u1 || type == Type::u2 || type == Type::u4;
  const int bytes = value_bytes(type);
  return fmt::format("'{}{}{}'",
                     bytes == 1 ? '|'
                     : kLittle  ? '<'
                                : '>',
                     is_float      ? 'f'
                     : is_unsigned ? 'u'
                                   : 'i',
                     bytes);
}

}  // namespace

NpyHeader read_npy_header(const InputFile& file) {
  NpyHeader header;
  const std::string dictionary = read_dictionary(file, header.data_offset);
  parse_type(file, value_of(file, dictionary, "descr"), header);
  header.fortran_order = value_of(file, dictionary, "fortran_order").starts_with("True");
  parse_shape(file, value_of(file, dictionary, "shape"), header);
  return header;
}

std::string make_npy_header(std::span<const OutputColumn> columns, Index n_rows) {
  std::string descr, shape = fmt::format("({},", n_rows);
  if (columns.size() == 1) {
    descr = type_text(columns[0].type);
    if (columns[0].columns > 0) shape += fmt::format(" {},", columns[0].columns);
    if (columns[0].depth > 0) shape += fmt::format(" {},", columns[0].depth);
  } else {
    for (const OutputColumn& column : columns) {
      descr += fmt::format("{}('{}', {}", descr.empty() ? "[" : ", ",
                           column.name.substr(column.name.find_first_not_of('/')), type_text(column.type));
      if (column.columns > 0)
        descr += fmt::format(", ({},{})", column.columns,
                             column.depth > 0 ? fmt::format(" {}", column.depth) : "");
      descr += ')';
    }
    descr += ']';
  }
  std::string text = fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': {}), }}", descr, shape);
  constexpr std::size_t prefix = 10, alignment = 64;
  const std::size_t total = (prefix + text.size() + 1 + alignment - 1) / alignment * alignment;
  text.append(total - prefix - text.size() - 1, ' ').push_back('\n');
  std::string header(kNpyMagic);
  header += {'\1', '\0', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)};
  return header + text;
}

}  // namespace gmmpi
