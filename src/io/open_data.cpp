// Opens data files of any format.
#include "gmmpi/io/open_data.hpp"

#include <xxhash.h>

#include "gmmpi/error.hpp"
#include "io/csv_reader.hpp"
#include "io/data_format.hpp"
#include "io/hdf5_reader.hpp"
#include "io/npy_reader.hpp"

namespace gmmpi {

namespace {

/// Error 65 unless all ranks have found the same table.
void check_same(const Communicator& comm, const DataReader& reader, const std::string& subject) {
  std::string names;
  for (const std::string& name : reader.feature_names()) names.append(name).push_back('\0');
  std::vector<std::int64_t> facts{reader.n_rows(), reader.n_columns(), static_cast<int>(reader.element()),
                                  static_cast<std::int64_t>(XXH3_64bits(names.data(), names.size()) >> 1)};
  for (int i = 0; i < 4; ++i) facts.push_back(-facts[i]);
  comm.max(facts);
  for (int i = 0; i < 4; ++i)
    if (facts[i] != -facts[i + 4])
      throw Error(ExitCode::bad_data,
                  subject + ": is not the same file for all ranks; put it where every host sees it");
}

std::unique_ptr<DataReader> open_table(const Communicator& comm, const TableRequest& request) {
  const DataFormat format = detect_format(comm, request.spec, request.subject(request.spec.path));
  std::unique_ptr<DataReader> reader;
  if (format == DataFormat::csv) {
    reader = open_csv(comm, request);
  } else {
    comm.together([&] { reader = format == DataFormat::hdf5 ? open_hdf5(request) : open_npy(request); });
  }
  check_same(comm, *reader, request.subject());
  return reader;
}

}  // namespace

std::unique_ptr<DataReader> open_data(const Communicator& comm, const std::string& spec,
                                      const std::string& default_dataset, const TextFormat& text) {
  return open_table(comm, {parse_data_spec(spec), default_dataset, "", text});
}

std::unique_ptr<DataReader> open_column(const Communicator& comm, const std::string& spec,
                                        const std::string& default_dataset, const std::string& what,
                                        const TextFormat& text) {
  return open_table(comm, {parse_data_spec(spec), default_dataset, what, text});
}

std::unique_ptr<DataReader> open_array(const Communicator& comm, const std::string& spec,
                                       const std::string& default_dataset, const TextFormat& text,
                                       int most_dimensions) {
  TableRequest request{parse_data_spec(spec), default_dataset, "", text};
  request.most_dimensions = most_dimensions;
  return open_table(comm, request);
}

}  // namespace gmmpi
