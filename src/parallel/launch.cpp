// Launch: as which of how many processes this one was started, by what launchers leave in the environment.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "gmmpi/parallel/mpi.hpp"

namespace gmmpi {

namespace {

/// What a launcher tells each process that it starts. Its settings, such as PMIX_MCA_gds, are none of it:
/// they may stand in any shell.
struct Traces {
  const char *rank, *size;
};

/// Open MPI's mpirun; MPICH, Intel MPI, Slurm with PMI-2; MVAPICH; PALS; ALPS; jsrun; PMIx.
constexpr Traces kLaunchers[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                 {"PMI_RANK", "PMI_SIZE"},
                                 {"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"},
                                 {"PALS_RANKID", "PALS_SIZE"},
                                 {"ALPS_APP_PE", "ALPS_APP_SIZE"},
                                 {"JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE"},
                                 {"PMIX_RANK", "PMIX_SIZE"}};
/// A step of Slurm. (A batch script has SLURM_PROCID and SLURM_NTASKS as well, but what it calls is no task.)
constexpr Traces kStep{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"};

std::optional<int> number(const char* const* environment, std::string_view name) {
  for (; *environment; ++environment) {
    const std::string_view entry(*environment);
    if (!entry.starts_with(name) || entry.substr(name.size(), 1) != "=") continue;
    int value = 0;
    const char* last = entry.data() + entry.size();
    const auto [end, error] = std::from_chars(entry.data() + name.size() + 1, last, value);
    if (error == std::errc() && end == last && value >= 0) return value;
  }
  return std::nullopt;
}

/// None if neither is there.
std::optional<Launch> launch_of(const char* const* environment, const Traces& traces) {
  const auto rank = number(environment, traces.rank), size = number(environment, traces.size);
  if (size) return Launch{rank.value_or(0), *size, true, fmt::format("{}={}", traces.size, *size)};
  // As many, at least, as come before this one.
  if (rank) return Launch{*rank, *rank + 1, false, fmt::format("{}={}", traces.rank, *rank)};
  return std::nullopt;
}

/// "Open MPI v4.1.4"
std::string mpi_name() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string name(text.data(), static_cast<std::size_t>(length));
  name.resize(std::min(name.find_first_of(",\n"), name.size()));
  std::ranges::replace(name, '\t', ' ');
  return name;
}

}  // namespace

Launch find_launch(const char* const* environment) {
  Launch found;
#ifdef OPEN_MPI
  found.has_mpi =
      false;  // unless a launcher has started it; MPI_Init fails in a step of Slurm that has no PMIx
#endif
  for (const Traces& traces : kLaunchers) {
    auto launch = launch_of(environment, traces);
    if (!launch) continue;
    // Of a foreign launcher's single process nothing need be known, so that MPI_Init cannot fail for it
    // either.
    const bool has_mpi = found.has_mpi || &traces == kLaunchers || launch->size > 1 || !launch->size_is_known;
    if (launch->size > found.size || found.evidence.empty()) found = *launch;
    found.has_mpi = has_mpi;
  }
  if (found.size_is_known) return found;
  // Of a step, which may be that of another launcher's daemons, so that others know better.
  const auto step = launch_of(environment, kStep);
  if (!step || (!step->size_is_known && step->rank == 0)) return found;
  const bool has_mpi = found.has_mpi;
  found = *step;
  found.has_mpi = has_mpi;
  return found;
}

std::string Launch::refusal() const {
  return fmt::format(
      "a launcher has started several processes ({}), but each is alone in its MPI and would do the whole "
      "work: start gmmpi with the mpirun of {}, which it was built with, or with srun --mpi=pmix",
      evidence, mpi_name());
}

}  // namespace gmmpi
