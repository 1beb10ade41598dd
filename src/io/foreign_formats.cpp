// Files that hold tables but that gmmpi does not read, by their first bytes.
#include "io/foreign_formats.hpp"

#include <algorithm>
#include <array>

namespace gmmpi {

namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  const char *name, *remedy;
  bool is_word = false;  ///< so that a table of text may begin with it
};

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' &&
         std::string_view("\t\n\v\f\r").find(c) == std::string_view::npos;
}

constexpr const char* kAstropy = "convert it, for example with astropy: Table.read(name).write('table.csv')";
constexpr const char* kPandas = "convert it, for example with pandas and to_csv('table.csv', index=False)";
constexpr const char* kR = "convert it in R with write.csv(x, 'table.csv', row.names=FALSE)";
constexpr const char* kSheet = "save the sheet as csv";
constexpr const char* kNumbers = "store the numbers as HDF5, npy or csv";

constexpr std::array kSignatures{
    Signature{"\x1f\x8b"sv, "compressed with gzip", "unpack it with gunzip"},
    Signature{"\x1f\x9d"sv, "compressed with compress", "unpack it with uncompress"},
    Signature{"BZh"sv, "compressed with bzip2", "unpack it with bunzip2", true},
    Signature{"\xfd"
              "7zXZ\0"sv,
              "compressed with xz", "unpack it with unxz"},
    Signature{"\x28\xb5\x2f\xfd"sv, "compressed with zstd", "unpack it with unzstd"},
    Signature{"\x04\x22\x4d\x18"sv, "compressed with lz4", "unpack it with unlz4"},
    Signature{"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive", "unpack it and name a file of it"},
    Signature{"SIMPLE  ="sv, "a FITS file", kAstropy},
    Signature{"PAR1"sv, "a Parquet file", kPandas, true},
    Signature{"ARROW1"sv, "an Arrow (Feather) file", kPandas, true},
    Signature{"FEA1"sv, "a Feather file", kPandas, true},
    Signature{"ORC"sv, "an ORC file", kPandas, true},
    Signature{"Obj\x01"sv, "an Avro file", kPandas},
    Signature{"SQLite format 3\0"sv, "an SQLite database", kPandas},
    Signature{"CDF\x01"sv, "a classic netCDF file",
              "convert it to netCDF 4, which is HDF5, with nccopy -k nc4"},
    Signature{"CDF\x02"sv, "a classic netCDF file",
              "convert it to netCDF 4, which is HDF5, with nccopy -k nc4"},
    Signature{"CDF\x05"sv, "a classic netCDF file",
              "convert it to netCDF 4, which is HDF5, with nccopy -k nc4"},
    Signature{"MATLAB 5.0 MAT-file"sv, "a MATLAB file of version 5",
              "save it with -v7.3, which is HDF5, the table transposed"},
    Signature{"RDX2\n"sv, "an R data file", kR},
    Signature{"RDX3\n"sv, "an R data file", kR},
    Signature{"$FL2"sv, "an SPSS file", kPandas, true},
    Signature{"<stata_dta>"sv, "a Stata file", kPandas},
    Signature{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, "an old Office file", kSheet},
    Signature{"\x80\x02"sv, "a Python pickle", kNumbers},
    Signature{"\x80\x03"sv, "a Python pickle", kNumbers},
    Signature{"\x80\x04"sv, "a Python pickle", kNumbers},
    Signature{"\x80\x05"sv, "a Python pickle", kNumbers},
    Signature{"#ASDF"sv, "an ASDF file", kNumbers},
    Signature{"%PDF"sv, "a PDF document", "give the table as csv"},
    Signature{"\x89PNG"sv, "a picture", kNumbers},
    Signature{"\xff\xd8\xff"sv, "a picture", kNumbers},
    Signature{"GIF8"sv, "a picture", kNumbers, true},
    Signature{"\xff\xfe\0\0"sv, "UTF-32 text", "save it as UTF-8: iconv -f UTF-32 -t UTF-8"},
    Signature{"\xff\xfe"sv, "UTF-16 text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8"},
    Signature{"\xfe\xff"sv, "UTF-16 text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8"},
};

/// By the name of the archive's first file, which stands at byte 30.
ForeignFormat zip_format(std::string_view head) {
  const std::string_view name = head.size() > 30 ? head.substr(30, 200) : ""sv;
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (name.starts_with("[Content_Types].xml") || name.starts_with("xl/") || name.starts_with("_rels/"))
    return {"an Excel workbook (or another Office file)", kSheet};
  if (name.starts_with("mimetypeapplication/vnd.oasis")) return {"an OpenDocument file", kSheet};
  if (has(".npy"))
    return {"an npz file of numpy (a zip archive of arrays)",
            "store its table alone: np.save('table.npy', np.load(name)['X'])"};
  return {"a zip archive", "unpack it (numpy: np.save instead of np.savez) and name a file of it"};
}

/// Documents of tags and braces.
std::optional<ForeignFormat> text_format(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return std::nullopt;
  head.remove_prefix(first);
  if (head.find("<VOTABLE") != std::string_view::npos && head.front() == '<')
    return ForeignFormat{"a VOTable", kAstropy};
  if (head.starts_with("<!DOCTYPE") || head.starts_with("<!doctype") || head.starts_with("<html") ||
      head.starts_with("<HTML"))
    return ForeignFormat{"an HTML page", "download the table itself; this may be a login page or an error"};
  if (head.starts_with("<?xml")) return ForeignFormat{"an XML document", "convert it to csv"};
  const std::size_t next = head.find_first_not_of(" \t\r\n", 1);
  const char inner = next == std::string_view::npos ? ' ' : head[next];
  if ((head.front() == '{' && inner == '"') ||
      (head.front() == '[' && std::string_view("[{\"-0123456789").find(inner) != std::string_view::npos))
    return ForeignFormat{"JSON", kPandas};
  if (head.starts_with("%") || head.starts_with("@relation") || head.starts_with("@RELATION"))
    if (head.find("@attribute") != std::string_view::npos ||
        head.find("@ATTRIBUTE") != std::string_view::npos)
      return ForeignFormat{"an ARFF file of Weka", "keep what follows @data, as csv"};
  return std::nullopt;
}

}  // namespace

std::optional<ForeignFormat> foreign_format(std::string_view head) {
  if (head.starts_with("PK\x03\x04")) return zip_format(head);
  const bool is_text = std::ranges::none_of(head, is_control);
  for (const Signature& known : kSignatures)
    if (head.starts_with(known.bytes) && !(is_text && known.is_word))
      return ForeignFormat{known.name, known.remedy};
  return text_format(head);
}

}  // namespace gmmpi
