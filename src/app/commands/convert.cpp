// gmmpi convert: data from one format to another.
#include "gmmpi/io/convert.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/columns.hpp"
#include "app/commands.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "app/text_format.hpp"
#include "gmmpi/io/open_data.hpp"

namespace gmmpi::app {

void convert_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string in = options.arguments.at("IN"), out = options.arguments.at("OUT");
  const DataSpec spec = parse_data_spec(out);
  check_output(execution, options, spec.path, options.flag("force") && spec.dataset.empty(),
               OutputKind::rows);
  bool is_table = false;  // that a fit can take
  std::vector<std::string> left_out;
  if (!options.has("columns") && holds_results(execution.comm, in)) {
    left_out = convert(execution.comm, in, out);
  } else {
    TextFormat format;
    execution.comm.together([&] { format = text_format(options); });
    std::unique_ptr<DataReader> table = open_array(execution.comm, in, "/X", format);
    execution.comm.together([&] { check_is_text(options, *table); });
    tell(execution.comm, *table);
    const std::unique_ptr<DataReader> rows = choose_columns(execution, options, std::move(table)).rows;
    left_out = convert(execution.comm, *rows, !options.has("columns"), in, out);
    is_table = rows->shape().size() == 2;
  }
  if (!execution.comm.is_root()) return;
  say("{} written to {}{}{}\n", in, out,
      left_out.empty() ? "" : fmt::format(" without {}, which .h5 keeps", fmt::join(left_out, " and ")),
      is_table ? fmt::format("; next: gmmpi info {}", out) : "");
}

}  // namespace gmmpi::app
