// Opens data files of any format.
#include "gmmpi/io/open_data.hpp"

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
  return format == DataFormat::csv ? open_csv(comm, request) : std::move(reader);
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

}  // namespace gmmpi
