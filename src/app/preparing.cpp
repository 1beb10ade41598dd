// One pass or two over the raw rows, then a reader that transforms them.
#include "app/preparing.hpp"

#include "app/fitting.hpp"

#include <fmt/format.h>

#include <charconv>

#include "app/support.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

ComponentChoice parse_component_choice(const std::string& option, const std::string& text) {
  ComponentChoice choice;
  const char* end = text.data() + text.size();
  const bool is_share = text.find('.') != std::string::npos;
  const auto result = is_share ? std::from_chars(text.data(), end, choice.share)
                               : std::from_chars(text.data(), end, choice.count);
  const bool in_range = is_share ? choice.share > 0.0 && choice.share <= 1.0 : choice.count >= 1;
  if (result.ec != std::errc() || result.ptr != end || !in_range)
    throw Error(
        ExitCode::usage,
        "--" + option + ": '" + text +
            "' is neither a number of components nor a share of the variance; write one such as 41 or 0.99");
  return choice;
}

Transform chosen_components(const PrincipalComponents& p, const ComponentChoice& choice, bool whiten,
                            const std::string& option) {
  const int d = static_cast<int>(p.mean.size());
  if (choice.count > d)
    throw Error(ExitCode::usage,
                fmt::format("--{} {}: {} have no more than {}; choose 1 to {}", option, choice.count,
                            count_text(d, "column"), count_text(d, "principal component"), d));
  return p.transform(choice.count > 0 ? choice.count : p.n_for_share(choice.share), whiten);
}

bool asks_for_transform(const Options& options) {
  const bool standardize = options.flag("standardize"), pca = options.has("pca");
  if (pca) parse_component_choice("pca", options.text("pca"));
  if (standardize && pca)
    throw Error(ExitCode::usage,
                "--standardize and --pca: choose one; for components of standardised columns fit "
                "--standardize first, "
                "and give --pca what gmmpi transform makes of the rows by that model");
  if ((standardize || pca) && options.has("errors"))
    throw Error(ExitCode::usage,
                std::string(pca ? "--pca" : "--standardize") +
                    ": --errors are those of the columns as they are; leave one of the two out");
  if (pca && missing_of(options) == Missing::em)
    throw Error(ExitCode::usage, "--pca needs complete rows; give --missing drop, or --standardize");
  if (options.flag("whiten") && !pca)
    throw Error(ExitCode::usage, "--whiten: is of principal components; give --pca as well");
  if (const Component& c = component_of(options); (standardize || pca) && !c.has_covariances())
    throw Error(ExitCode::usage, std::string(pca ? "--pca" : "--standardize") + ": a " +
                                     std::string(c.title()) +
                                     " mixture is of zeros and ones as they are; leave it out");
  return standardize || pca;
}

Prepared prepare(const Execution& execution, const Options& options, OpenedData& data) {
  const Communicator& comm = execution.comm;
  const MemoryPlan plan =
      plan_memory(execution, options, data,
                  principal_components_bytes(execution, data.rows->n_rows(), data.rows->n_columns()));
  check_memory(execution, data, plan);
  Prepared prepared;
  {
    const std::unique_ptr<Data> raw = read_data(execution, data, plan);
    prepared.fingerprint = raw->summary().fingerprint;
    if (options.flag("standardize")) {
      prepared.transform = standardising(execution, *raw);
      prepared.text = "columns standardised";
    } else {
      const PrincipalComponents p = principal_components(execution, *raw);
      comm.together([&] {
        const ComponentChoice choice = parse_component_choice("pca", options.text("pca"));
        prepared.transform = chosen_components(p, choice, options.flag("whiten"), "pca");
        double explained = 0.0;
        for (int i = 0; i < prepared.transform.n_outputs(); ++i) explained += p.variance[i];
        prepared.text =
            fmt::format("{} of {}{}, {:.6g}% of the variance",
                        count_text(prepared.transform.n_outputs(), "principal component"),
                        count_text(prepared.transform.n_inputs(), "column"),
                        options.flag("whiten") ? ", whitened" : "", 100.0 * explained / p.total_variance);
      });
    }
  }
  transform_rows(execution, data, prepared.transform, TransformedReader::Direction::apply, "the transform");
  return prepared;
}

}  // namespace gmmpi::app
