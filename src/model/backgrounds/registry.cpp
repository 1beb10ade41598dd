// The registry of kinds of backgrounds.
#include <stdexcept>

#include "gmmpi/error.hpp"
#include "gmmpi/model/background.hpp"

/// The kinds that the library brings, the default first: a new one is a line here.
#define GMMPI_BACKGROUNDS(X) X(make_uniform)

namespace gmmpi {

#define GMMPI_DECLARE(make) std::shared_ptr<const Background> make();
GMMPI_BACKGROUNDS(GMMPI_DECLARE)
#undef GMMPI_DECLARE

namespace {

std::vector<std::shared_ptr<const Background>>& registry() {
  static std::vector<std::shared_ptr<const Background>> backgrounds = [] {
    std::vector<std::shared_ptr<const Background>> list;
#define GMMPI_ADD(make) list.push_back(make());
    GMMPI_BACKGROUNDS(GMMPI_ADD)
#undef GMMPI_ADD
    return list;
  }();
  return backgrounds;
}

}  // namespace

std::shared_ptr<const Background> find_background(std::string_view name) {
  std::string known;
  for (const auto& background : registry()) {
    if (background->name() == name) return background;
    known += (known.empty() ? "" : ", ") + std::string(background->name());
  }
  throw Error(ExitCode::usage,
              "noise of kind '" + std::string(name) + "' is unknown; choose one of " + known);
}

std::shared_ptr<const Background> default_background() {
  return registry().front();
}

void register_background(std::shared_ptr<const Background> background) {
  for (const auto& known : registry())
    if (known->name() == background->name())
      throw std::logic_error("there is a background of the name " + std::string(background->name()) +
                             " already");
  registry().push_back(std::move(background));
}

}  // namespace gmmpi
