// The table of commands: arguments, what they do, examples.
#include "app/engine_options.hpp"
#include "app/option_table.hpp"

namespace gmmpi::app {

const std::vector<CommandSpec>& command_table() {
  static const ArgumentSpec data{"DATA", "file.h5[:/dataset] (default dataset /X), file.npy or file.csv"};
  static const ArgumentSpec model{
      "MODEL",
      "model file, or any HDF5 file with /model/weights, means, covariances and the attribute "
      "covariance_type"};
  static const std::vector<CommandSpec> table{
      {"fit",
       {data},
       "fit a Gaussian mixture by Expectation-Maximisation",
       "Examples:\n"
       "  gmmpi fit stars.h5 -k 8 -o stars.model.h5\n"
       "  mpirun -n 4 gmmpi fit stars.h5:/photometry -k 8 --covariance-type diag --n-init 5 -o m.h5\n"
       "  gmmpi fit stars.h5 -k 8 --init m.h5 --tol 1e-9 -o refined.h5      (warm start)\n"
       "Same program, data and options give the same model, bit for bit, on any number of ranks and "
       "threads."},
      {"select",
       {data},
       "fit several numbers of components and covariance types, keep the best",
       "Examples:\n"
       "  gmmpi select stars.h5 -k 1:9 -o best.h5\n"
       "  mpirun -n 4 gmmpi select stars.h5 -k 2,4,8 --covariance-type full,diag --criterion cv --n-init "
       "5 -o best.h5\n"
       "The model file also holds every candidate (group /grid). Lower BIC, AIC and ICL are better "
       "(mclust's are the negatives); a higher held-out log-likelihood is. An interrupted selection goes "
       "on where it was."},
      {"score",
       {data, model},
       "log-likelihood, AIC, BIC and ICL of data under a model",
       "Example:\n"
       "  gmmpi score new_stars.h5 m.h5 --json\n"
       "With -o, ln p(x) of each row goes to the dataset or column log_density (N)."},
      {"predict",
       {data, model},
       "most responsible component of each row, and more",
       "Example:\n"
       "  mpirun -n 4 gmmpi predict stars.h5 m.h5 --responsibilities -o labels.h5\n"
       "  gmmpi predict stars.h5 m.h5 --outliers 0.01 --outlier-rule chi2 -o odd.h5\n"
       "  gmmpi predict stars.h5 m.h5 --responsibilities -o labels.csv\n"
       "Datasets written: /labels (N), /responsibilities (N, K), /log_density (N), /mahalanobis (N, K), "
       "/outliers (N). In .csv they are columns: label, p0 to pK-1, log_density, mahalanobis0 to "
       "mahalanobisK-1, outlier; in .npy labels alone are an array, more are fields of a structured one. "
       "Rows of a model's noise (fit --noise) have label -1 and one more responsibility, the last. Of a "
       "model of fit --engine " +
           engines_that([](const Engine& e) { return e.parameters_are_means(); }) +
           " labels are the nearest means, responsibilities 1 and 0."},
      {"sample",
       {model},
       "draw rows from a model",
       "Example:\n"
       "  gmmpi sample m.h5 -n 100000 --seed 7 -o drawn.h5\n"
       "Datasets written: /X (N, d), /labels (N). In .csv the label is the last column; .npy holds X "
       "alone."},
      {"simulate",
       {},
       "draw a random mixture of known separation, and rows from it",
       "Example:\n"
       "  gmmpi simulate -k 5 --n-features 3 -n 10000 --separation 1.5 -o rows.h5 --model truth.h5\n"
       "Datasets written: /X (N, d), /labels (N), the components that the rows were drawn from. With --errors "
       "/X are the measured rows; /errors (N, d) their standard deviations, /true (N, d) the rows before. In "
       ".csv the columns are x0, ..., x0_error, ..., x0_true, ..., label; .npy holds X alone."},
      {"marginal",
       {model},
       "the density of some columns, as a model",
       "Example:\n  gmmpi marginal m.h5 --keep 0,2 -o m02.h5"},
      {"condition",
       {model},
       "the density of the other columns where some are given, as a model",
       "Example:\n  gmmpi condition m.h5 --given 0=1.5,2=-1 -o given.h5"},
      {"regress",
       {{"DATA",
         "all columns of the model (the targets are not looked at), or all but the targets, in the "
         "model's order; " +
             data.help},
        model},
       "some columns from the others: mean and variance for each row",
       "Example:\n"
       "  mpirun -n 4 gmmpi regress stars.h5 m.h5 --target 2,3 -o expected.h5\n"
       "Datasets written, t targets: /mean (N, t), /variance (N, t), /covariance (N, t, t), /log_density "
       "(N). In .csv the columns are NAME, NAME_variance and so on; in .npy fields of a structured array."},
      {"impute",
       {{"DATA", "all columns of the model, with gaps (NaN, null, in text as --na says); " + data.help},
        model},
       "missing entries from what the model expects of them",
       "Examples:\n"
       "  gmmpi fit stars.h5 -k 5 --missing em -o m.h5 && gmmpi impute stars.h5 m.h5 -o complete.h5\n"
       "  mpirun -n 4 gmmpi impute stars.h5 m.h5 --draws 20 --seed 7 -o completed.h5\n"
       "Datasets written: /X (N, d), each missing entry of which is its mean given the others of its row, "
       "/standard_deviation (N, d), /draw0, /draw1 ... (N, d). In .csv the columns are NAME, NAME_sd, "
       "draw0_NAME and so on; in .npy X alone is an array, more are fields of a structured one. Observed "
       "entries stay bit for bit."},
      {"denoise",
       {{"DATA", "all columns of the model; " + data.help}, model},
       "true values of rows that were measured with errors",
       "Examples:\n"
       "  gmmpi fit stars.csv -k 5 --errors ra_error,dec_error -o m.h5\n"
       "  gmmpi denoise stars.csv m.h5 --errors ra_error,dec_error -o denoised.h5\n"
       "Datasets written: /mean (N, d), /covariance (N, d, d): those of the true values given the "
       "measured ones; what is missing is inferred, too. In .csv the columns are NAME and then "
       "NAME_NAME_covariance, or NAME_sd; in .npy fields of a structured array."},
      {"pca",
       {data},
       "principal components of data",
       "Examples:\n"
       "  mpirun -n 4 gmmpi pca stars.h5 --variance 0.99 -o components.h5\n"
       "  gmmpi transform stars.h5 components.h5 -o scores.h5\n"
       "Datasets written, under /transform, m components of d columns: center (d), components (m, d), "
       "scale (m), explained_variance (m), explained_variance_ratio (m)."},
      {"transform",
       {data,
        {"TRANSFORM", "a file that gmmpi pca wrote, or the model of a fit that transformed its columns"}},
       "rows to principal components, or back",
       "Examples:\n"
       "  gmmpi transform stars.h5 components.h5 -o scores.h5\n"
       "  gmmpi transform scores.h5 components.h5 --inverse -o again.csv\n"
       "Dataset written: /X."},
      {"compare",
       {{"MODEL_A", model.help}, {"MODEL_B", "another, of the same columns"}},
       "how far two models are apart: components, divergence, labels",
       "Example:\n  gmmpi compare truth.h5 fitted.h5 --data stars.h5 --json"},
      {"info",
       {{"FILE", "a data, model, checkpoint or prediction file"}},
       "what a file holds",
       "Example:\n  gmmpi info m.h5"},
      {"convert",
       {{"IN", data.help}, {"OUT", "file.h5[:/dataset], file.npy or file.csv"}},
       "data from one format to another",
       "Example:\n  mpirun -n 2 gmmpi convert table.csv table.h5"},
      {"selftest",
       {},
       "check that this build on this machine gives the same bits as every other",
       "Examples:\n"
       "  gmmpi selftest\n"
       "  mpirun -n 2 gmmpi selftest --threads 2\n"
       "Small fits of drawn rows, with each set of SIMD kernels that the processor runs, from memory and "
       "streamed. Their digests are those that stand in the program, on any machine, compiler, number of "
       "ranks and threads; exit code 70 if one is not."},
      {"plot",
       {{"KIND", "scatter, density, history and more; gmmpi plot --help lists them"}},
       "pictures of data and models (drawn by Python)",
       "Example:\n  gmmpi plot scatter stars.h5 m.h5 -o m.png"},
      {"completion",
       {{"SHELL", "bash, fish or zsh"}},
       "a script that completes the command line",
       "Example:\n  eval \"$(gmmpi completion bash)\"      (in ~/.bashrc)"},
      {"man",
       {{"FOLDER", "where to write gmmpi.1, gmmpi-fit.1, ..."}},
       "write the manual pages",
       "Example:\n  gmmpi man . && man ./gmmpi-fit.1"}};
  return table;
}

}  // namespace gmmpi::app
