// DATA and MODEL in the wrong order.
#include "app/argument_order.hpp"

#include <fmt/format.h>

#include "gmmpi/error.hpp"
#include "io/data_format.hpp"
#include "io/hdf5_reader.hpp"

namespace gmmpi::app {

namespace {

/// Whether the file is there, is HDF5, and holds such a group. Whoever reads it says what else is wrong with
/// it.
bool holds(const std::string& spec, const char* group) {
  try {
    const DataSpec file = parse_data_spec(spec);
    return detect_format({file.path, "", file.path}) == DataFormat::hdf5 && hdf5_has(file.path, group);
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

void check_order(const Communicator& comm, const Options& options) {
  const auto data = options.arguments.find("DATA");
  if (data == options.arguments.end()) return;
  comm.together([&] {
    if (!comm.is_root()) return;
    for (const auto& [argument, group] : {std::pair{"MODEL", "/model"}, {"TRANSFORM", "/transform"}}) {
      const auto model = options.arguments.find(argument);
      if (model == options.arguments.end() || holds(data->second, "/X") || !holds(data->second, group) ||
          holds(model->second, group))
        continue;
      throw Error(
          ExitCode::usage,
          fmt::format("{} is a {} and {} is none: DATA and {} seem to be swapped; write gmmpi {} {} {}",
                      data->second, argument[0] == 'M' ? "model" : "transform", model->second, argument,
                      options.command, model->second, data->second));
    }
  });
}

}  // namespace gmmpi::app
