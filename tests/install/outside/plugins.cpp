// Fits with a structure and a kind of components that the library does not know: mpirun -n 2 ./plugins
#include <cmath>
#include <cstdio>
#include <gmmpi/gmmpi.hpp>

namespace gmmpi {
std::unique_ptr<CovarianceStructure> make_exchangeable();
std::unique_ptr<Component> make_exponential();
}  // namespace gmmpi

namespace {

/// This rank's share of positive rows of three columns; every third is of another kind.
std::vector<double> rows_of(const gmmpi::Communicator& comm) {
  std::vector<double> rows;
  for (int i = 3000 * comm.rank() / comm.size(); i < 3000 * (comm.rank() + 1) / comm.size(); ++i)
    for (int j = 0; j < 3; ++j) {
      const double u = ((i * 7919 + j * 104729) % 8191 + 0.5) / 8191.0;
      rows.push_back(-(i % 3 == 0 ? 9.0 : 1.0 + j) * std::log(u));
    }
  return rows;
}

/// One line: what was fitted, or why not.
void fit(const gmmpi::Execution& execution, const gmmpi::Data& data, const char* what,
         const gmmpi::FitOptions& options) {
  gmmpi::FitObserver silent;
  std::string line;
  try {
    const gmmpi::FitResult result = gmmpi::fit(execution, data, options, silent);
    char text[64];
    std::snprintf(text, sizeof text, "%.17g", result.log_likelihood());
    line = text;
    for (const double weight : result.model.weights)
      std::snprintf(text, sizeof text, " %.17g", weight), line += text;
    for (const double mean : result.model.means)
      std::snprintf(text, sizeof text, " %.17g", mean), line += text;
    for (const double c : result.model.covariances)
      std::snprintf(text, sizeof text, " %.17g", c), line += text;
  } catch (const gmmpi::Error& e) {
    line = e.what();
  }
  if (execution.comm.is_root()) std::printf("%s: %s\n", what, line.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const gmmpi::MpiSession session(&argc, &argv);
  const gmmpi::Communicator comm = gmmpi::make_communicator(MPI_COMM_WORLD);
  gmmpi::register_structure(gmmpi::make_exchangeable());
  gmmpi::register_component(gmmpi::make_exponential());
  const gmmpi::Execution execution = gmmpi::make_execution(comm);
  const std::vector<double> rows = rows_of(comm);
  gmmpi::RankRows table(comm, "rows", rows, 3);
  const gmmpi::MemoryData data(execution, table, nullptr);

  gmmpi::FitOptions options;
  options.structure = &gmmpi::find_structure("exchangeable");
  options.tol = 1e-12;
  options.max_iter = 5000;
  options.n_components = 1;
  fit(execution, data, "exchangeable 1", options);
  options.prior.emplace().shrinkage = 0.0;
  fit(execution, data, "exchangeable prior", options);
  options.prior.reset();
  options.n_components = 2;
  fit(execution, data, "exchangeable 2", options);
  options.accelerate = gmmpi::Acceleration::lbfgs;
  fit(execution, data, "exchangeable accelerated", options);

  options = gmmpi::FitOptions();
  options.tol = 1e-12;
  options.max_iter = 5000;
  options.component = &gmmpi::find_component("exponential");
  options.structure = &gmmpi::find_structure("none");
  options.n_components = 1;
  fit(execution, data, "exponential 1", options);
  options.n_components = 2;
  fit(execution, data, "exponential 2", options);
  options.accelerate = gmmpi::Acceleration::lbfgs;
  fit(execution, data, "exponential accelerated", options);
  options.prior = gmmpi::PriorOptions();
  options.accelerate = gmmpi::Acceleration::none;
  fit(execution, data, "exponential prior", options);
  return 0;
}
