// Fits two Gaussians to rows that the ranks hold in memory: mpirun -n 2 ./outside model.h5
#include <cstdio>
#include <gmmpi/gmmpi.hpp>

int main(int argc, char** argv) {
  const gmmpi::MpiSession session(&argc, &argv);  // or the program's own MPI_Init
  const gmmpi::Communicator comm = gmmpi::make_communicator(MPI_COMM_WORLD);
  try {
    const gmmpi::Execution execution = gmmpi::make_execution(comm);

    // This rank's rows, two columns each. Ranks may hold any number of them.
    std::vector<double> rows;
    for (int i = 0; i < 1000 * (comm.rank() + 1); ++i) {
      const int cluster = i % 3 == 0;
      rows.push_back(10.0 * cluster + (i * 7919 % 1024) / 512.0);
      rows.push_back((i * 104729 % 4096) / 4096.0);
    }
    gmmpi::RankRows table(comm, "rows of the simulation", rows, 2);
    const gmmpi::MemoryData data(execution, table, nullptr);  // nullptr: no sample weights

    gmmpi::ModelRecord record;
    record.options.n_components = 2;
    record.options.structure = &gmmpi::find_structure("full");
    record.data = data.summary();
    gmmpi::FitObserver silent;
    record.result = gmmpi::fit(execution, data, record.options, silent);
    record.score = gmmpi::score(execution, data, record.result.model);

    comm.together([&] {  // if it fails on one rank, all of them throw
      if (!comm.is_root()) return;
      const std::string digest = gmmpi::write_model(argc > 1 ? argv[1] : "outside.model.h5", record);
      std::printf("log-likelihood %.17g, digest %s\n", record.result.log_likelihood(), digest.c_str());
    });
    return 0;
  } catch (const gmmpi::Error& e) {
    if (comm.is_root()) std::fprintf(stderr, "%s\n", e.what());
    return static_cast<int>(e.code());
  }
}
