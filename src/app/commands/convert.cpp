// gmmpi convert: data from one format to another.
#include "gmmpi/io/convert.hpp"

#include <fmt/format.h>

#include "app/columns.hpp"
#include "app/commands.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "gmmpi/io/open_data.hpp"

namespace gmmpi::app {

void convert_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string in = options.arguments.at("IN"), out = options.arguments.at("OUT");
  const DataSpec spec = parse_data_spec(out);
  check_output(execution, options, spec.path, options.flag("force") && spec.dataset.empty());
  const std::unique_ptr<DataReader> rows = choose_columns(execution, options, open_data(execution.comm, in));
  convert(execution.comm, *rows, in, out);
  if (execution.comm.is_root()) say("{} written to {}; next: gmmpi fit {} -k 3 -o model.h5\n", in, out, out);
}

}  // namespace gmmpi::app
