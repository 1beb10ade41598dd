// Launch: what is read from the environment that launchers leave.
#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "gmmpi/parallel/mpi.hpp"

using namespace gmmpi;

namespace {

Launch launch(std::vector<const char*> environment) {
  environment.push_back(nullptr);
  return find_launch(environment.data());
}

#ifdef OPEN_MPI
constexpr bool kAlways = false;
#else
constexpr bool kAlways = true;
#endif

}  // namespace

TEST_CASE("launch: whoever starts several processes is believed") {
  const std::vector<std::pair<const char*, const char*>> pairs{
      {"OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE=4"},
      {"PMI_RANK=1", "PMI_SIZE=4"},
      {"MV2_COMM_WORLD_RANK=1", "MV2_COMM_WORLD_SIZE=4"},
      {"PALS_RANKID=1", "PALS_SIZE=4"},
      {"JSM_NAMESPACE_RANK=1", "JSM_NAMESPACE_SIZE=4"}};
  for (const auto& [rank, size] : pairs) {
    const Launch l = launch({"HOME=/root", rank, size, "PATH=/bin"});
    CHECK(l.rank == 1);
    CHECK(l.size == 4);
    CHECK(l.size_is_known);
    CHECK(l.has_mpi);
    CHECK(l.evidence == size);
    CHECK_FALSE(l.speaks());
    CHECK(l.refusal().find(size) != std::string::npos);
  }
}

TEST_CASE("launch: settings, other names and odd values are no launcher") {
  for (const char* entry : {"PMIX_MCA_gds=hash", "OMPI_MCA_btl=self", "PMI_SIZE_OF_WHAT=4", "XPMI_SIZE=4",
                            "PMI_SIZE=", "PMI_SIZE=four", "PMI_SIZE=-4", "PMI_RANK", "SLURM_NTASKS=8",
                            "SLURM_PROCID=0", "SLURM_JOB_ID=7"}) {
    const Launch l = launch({entry});
    CHECK(l.size == 1);
    CHECK(l.evidence.empty());
    CHECK(l.has_mpi == kAlways);
  }
}

TEST_CASE("launch: a batch script's commands are not tasks, those of a step are") {
  CHECK(launch({"SLURM_JOB_ID=7", "SLURM_NTASKS=8", "SLURM_PROCID=0"}).size == 1);
  const Launch alone = launch({"SLURM_NTASKS=1", "SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=1"});
  CHECK(alone.size == 1);
  CHECK(alone.has_mpi == kAlways);
  const Launch several = launch({"SLURM_NTASKS=8", "SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=8"});
  CHECK(several.size == 8);
  CHECK(several.speaks());
  CHECK(several.has_mpi == kAlways);
  CHECK(launch({"SLURM_NTASKS=8", "SLURM_PROCID=2"}).size == 3);
  CHECK(launch({"PMIX_RANK=0", "SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=8"}).size == 8);
  CHECK(launch({"PMIX_RANK=0", "SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=8"}).has_mpi);
}

TEST_CASE("launch: a foreign launcher's single process needs no MPI") {
  CHECK(launch({"PMI_RANK=0", "PMI_SIZE=1"}).has_mpi == kAlways);
  CHECK(launch({"PMI_RANK=0", "PMI_SIZE=1", "PMIX_RANK=0"}).has_mpi);
  CHECK(launch({"OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=1"}).has_mpi);
}

TEST_CASE("launch: a step of daemons says nothing of those whom they start") {
  const Launch l = launch({"SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=2", "PMIX_RANK=0",
                           "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=1"});
  CHECK(l.size == 1);
  CHECK(l.evidence == "OMPI_COMM_WORLD_SIZE=1");
  CHECK(l.has_mpi);
}

TEST_CASE("launch: of two launchers the one of more processes counts") {
  CHECK(launch({"OMPI_COMM_WORLD_SIZE=1", "PMI_SIZE=4", "PMI_RANK=3"}).size == 4);
  CHECK(launch({"OMPI_COMM_WORLD_SIZE=4", "PMI_SIZE=1"}).size == 4);
}

TEST_CASE("launch: where only ranks are told, the second process is the first to know") {
  const Launch first = launch({"PMIX_RANK=0"}), second = launch({"ALPS_APP_PE=1"}),
               third = launch({"ALPS_APP_PE=2"});
  CHECK(first.size == 1);
  CHECK(first.has_mpi);
  CHECK(second.size == 2);
  CHECK(second.speaks());
  CHECK(third.size == 3);
  CHECK_FALSE(third.speaks());
}
