// --prior, --fix and --noise: parsing.
#include "app/fit_extras.hpp"

#include <map>
#include <sstream>

#include "gmmpi/error.hpp"

namespace gmmpi::app {

std::optional<PriorOptions> prior_options(const Options& o) {
  if (o.choice("prior", {"none", "auto"}) == "none") {
    for (const char* name : {"prior-shrinkage", "prior-dof", "prior-scale", "prior-weight"})
      if (o.has(name))
        throw Error(ExitCode::usage, "--" + std::string(name) + " " + o.text(name) +
                                         ": there is no prior to change; give --prior auto");
    return std::nullopt;
  }
  PriorOptions prior;
  if (o.has("prior-shrinkage")) prior.shrinkage = o.number("prior-shrinkage", 0.0);
  if (o.has("prior-weight")) prior.weight = o.number("prior-weight", 1.0);
  if (o.has("prior-dof")) prior.dof = o.number("prior-dof", 0.0);
  if (o.has("prior-scale")) prior.scale = o.number("prior-scale", 0.0);
  return prior;
}

FixedParameters fixed_parameters(const Options& o) {
  FixedParameters fixed;
  if (!o.has("fix")) return fixed;
  const std::map<std::string, bool*> known{
      {"weights", &fixed.weights}, {"means", &fixed.means}, {"covariances", &fixed.covariances}};
  std::istringstream list(o.text("fix"));
  std::string name;
  do {
    std::getline(list, name, ',');
    const auto found = known.find(name);
    if (found == known.end())
      throw Error(ExitCode::usage,
                  "--fix: '" + name +
                      "' is unknown; give weights, means or covariances, or two of them, as in "
                      "weights,means");
    *found->second = true;
  } while (!list.eof());
  return fixed;
}

std::optional<NoiseOptions> noise_options(const Options& o) {
  if (!o.flag("noise")) {
    for (const char* name : {"noise-weight", "noise-volume"})
      if (o.has(name))
        throw Error(ExitCode::usage,
                    "--" + std::string(name) + " " + o.text(name) + ": there is no noise; give --noise");
    return std::nullopt;
  }
  NoiseOptions noise;
  if (o.has("noise-weight")) noise.weight = o.number("noise-weight", 0.0);
  if (!o.has("noise-volume")) return noise;
  noise.volume = o.number("noise-volume", 0.0);
  if (o.flag("standardize") || o.has("pca"))
    throw Error(
        ExitCode::usage,
        "--noise-volume: is in the units of the data, which --standardize and --pca change; leave one "
        "of them out");
  return noise;
}

}  // namespace gmmpi::app
