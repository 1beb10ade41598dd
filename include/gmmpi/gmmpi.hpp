// The whole library, for a program that embeds it.
#pragma once

#include <string>

#include "gmmpi/data/block_grid.hpp"
#include "gmmpi/data/column_reader.hpp"
#include "gmmpi/data/data.hpp"
#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/data/rank_rows.hpp"
#include "gmmpi/data/row_format.hpp"
#include "gmmpi/data/row_labels.hpp"
#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/data/stream_data.hpp"
#include "gmmpi/data/transform.hpp"
#include "gmmpi/data/transformed_reader.hpp"
#include "gmmpi/em/engine.hpp"
#include "gmmpi/em/engine_options.hpp"
#include "gmmpi/em/fit.hpp"
#include "gmmpi/em/listed.hpp"
#include "gmmpi/em/traces.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "gmmpi/inference/agreement.hpp"
#include "gmmpi/inference/compare.hpp"
#include "gmmpi/inference/conditional.hpp"
#include "gmmpi/inference/degeneracy.hpp"
#include "gmmpi/inference/denoise.hpp"
#include "gmmpi/inference/diagnostics.hpp"
#include "gmmpi/inference/impute.hpp"
#include "gmmpi/inference/moments.hpp"
#include "gmmpi/inference/outliers.hpp"
#include "gmmpi/inference/predict.hpp"
#include "gmmpi/inference/principal_components.hpp"
#include "gmmpi/inference/regress.hpp"
#include "gmmpi/inference/sample.hpp"
#include "gmmpi/inference/score.hpp"
#include "gmmpi/inference/select.hpp"
#include "gmmpi/inference/simulate.hpp"
#include "gmmpi/io/checkpoint.hpp"
#include "gmmpi/io/checkpoint_store.hpp"
#include "gmmpi/io/convert.hpp"
#include "gmmpi/io/derived_model.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/open_data.hpp"
#include "gmmpi/io/row_output.hpp"
#include "gmmpi/io/transform_file.hpp"
#include "gmmpi/kernels/aligned.hpp"
#include "gmmpi/kernels/scatter_shape.hpp"
#include "gmmpi/model/background.hpp"
#include "gmmpi/model/component.hpp"
#include "gmmpi/model/covariance_layout.hpp"
#include "gmmpi/model/covariance_structure.hpp"
#include "gmmpi/model/distances.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/model/own_sums.hpp"
#include "gmmpi/model/prepared.hpp"
#include "gmmpi/model/prior.hpp"
#include "gmmpi/model/transformed_mixture.hpp"
#include "gmmpi/parallel/communicator.hpp"
#include "gmmpi/parallel/execution.hpp"
#include "gmmpi/parallel/mpi.hpp"
#include "gmmpi/parallel/profile.hpp"
#include "gmmpi/parallel/stop.hpp"

namespace gmmpi {

/// Local. The ranks of `comm`, each with `n_threads` threads (0: OMP_NUM_THREADS, or a fair share of the
/// processors that it may use), and the kernels `simd`: auto, avx512, avx2, fma128 or scalar. Error 64 for
/// kernels that this processor cannot run.
Execution make_execution(const Communicator& comm, int n_threads = 0, const std::string& simd = "auto");

}  // namespace gmmpi
