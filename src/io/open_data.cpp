// Opens data files of any format.
#include "gmmpi/io/open_data.hpp"

#include "gmmpi/error.hpp"
#include "io/csv_reader.hpp"
#include "io/data_format.hpp"
#include "io/hdf5_reader.hpp"
#include "io/npy_reader.hpp"

namespace gmmpi {

namespace {

std::unique_ptr<DataReader> open_table(const Communicator& comm, const TableRequest& request) {
  DataFormat format{};
  std::unique_ptr<DataReader> reader;
  comm.together([&] {
    format = detect_format(request.spec, request.subject(request.spec.path));
    if (format == DataFormat::hdf5) reader = open_hdf5(request);
    if (format == DataFormat::npy) reader = open_npy(request);
  });
  if (format == DataFormat::csv) reader = open_csv(comm, request);
  std::int64_t facts[] = {reader->n_rows(),
                          -reader->n_rows(),
                          reader->n_columns(),
                          -reader->n_columns(),
                          static_cast<int>(reader->element()),
                          -static_cast<int>(reader->element())};
  comm.max(facts);
  if (facts[0] != -facts[1] || facts[2] != -facts[3] || facts[4] != -facts[5])
    throw Error(ExitCode::bad_data,
                request.subject() + ": is not the same file for all ranks; put it where every host sees it");
  return reader;
}

}  // namespace

std::unique_ptr<DataReader> open_data(const Communicator& comm, const std::string& spec,
                                      const std::string& default_dataset) {
  return open_table(comm, {parse_data_spec(spec), default_dataset, ""});
}

std::unique_ptr<DataReader> open_column(const Communicator& comm, const std::string& spec,
                                        const std::string& default_dataset, const std::string& what) {
  return open_table(comm, {parse_data_spec(spec), default_dataset, what});
}

std::unique_ptr<DataReader> open_array(const Communicator& comm, const std::string& spec,
                                       const std::string& default_dataset) {
  TableRequest request{parse_data_spec(spec), default_dataset, ""};
  request.any_dimensions = true;
  return open_table(comm, request);
}

}  // namespace gmmpi
