// The table of options.
#include "app/option_table.hpp"

#include <algorithm>
#include <sstream>

#include "app/engine_options.hpp"

namespace gmmpi::app {

namespace {

bool has_means(const Engine& engine) {
  return engine.parameters_are_means();
}

bool is_in_passes(const Engine& engine) {
  return engine.works_in_passes();
}

/// All but those that engines bring.
std::vector<OptionSpec> own_options() {
  return {
      {"n-components", "k", "K", "", "fit simulate", "number of components", true},
      {"n-components", "k", "LIST", "", "select", "numbers of components, such as 1:9 or 2,4,8", true},
      {"output", "o", "FILE", "", "fit select marginal condition pca", "file to write (HDF5)", true},
      {"output", "o", "FILE", "", "predict sample simulate impute denoise regress transform",
       "file to write: .csv, .npy or (any other name) HDF5", true},
      {"output", "o", "FILE", "", "score", "also write the log density of each row: .csv, .npy or HDF5"},
      {"n-samples", "n", "N", "", "sample simulate", "number of rows to draw", true},
      {"n-samples", "n", "N", "100000", "compare", "rows to draw from each model"},
      {"n-features", "", "D", "", "simulate", "number of columns", true},
      {"separation", "", "C", "2", "simulate",
       "least distance of two means, in units of sqrt(D times the larger of their largest variances)"},
      {"concentration", "", "A", "5", "simulate",
       "of the Dirichlet distribution of the weights, a whole number: 1 for uneven ones, 100 for nearly "
       "even ones"},
      {"errors", "", "LOW:HIGH", "", "simulate",
       "measure the rows with normal errors, the standard deviation of each entry uniform in this range (one "
       "number: all alike)"},
      {"model", "", "FILE", "", "simulate", "also write the mixture that was drawn, as a model file"},
      {"keep", "", "COLUMNS", "", "marginal",
       "columns that stay, in this order: numbers from 0, or the model's feature names", true},
      {"given", "", "VALUES", "", "condition", "columns and their values, such as 0=1.5,width=-1", true},
      {"target", "", "COLUMNS", "", "regress", "columns to be told from the others: numbers or names", true},
      {"data", "", "DATA", "", "compare", "rows for the agreement of labels (default: those drawn)"},
      {"family", "", "NAME", "gaussian", "fit select",
       "distribution of the components: gaussian, student (heavier tails), or bernoulli for 0/1 data"},
      {"dof", "", "WHAT", "each", "fit select",
       "degrees of freedom with --family student: each (one for every component), shared (one for all), "
       "or a number that they have"},
      {"covariance-type", "", "TYPE", "full", "fit simulate",
       "full, tied, diag or spherical, or mclust's letters for volume, shape and orientation: EII VII EEI "
       "VEI EVI VVI EEE VEE EVE VVE EEV VEV EVV VVV, E or V in one column (of Student's t: of the scale "
       "matrices)"},
      {"covariance-type", "", "LIST", "full,tied,diag,spherical", "select",
       "types to try, with commas; all: mclust's fourteen, in one column the two (Gaussian and Student's "
       "components)"},
      {"criterion", "", "NAME", "bic", "select",
       "bic, aic, icl (lower is better), or cv: mean log-likelihood of held-out rows (higher is better)"},
      {"folds", "", "F", "5", "select",
       "parts of the data that cv holds out in turn; each candidate is fitted F more times"},
      {"degenerate", "", "WHAT", "exclude", "select",
       "candidates with a component of too few rows, or of a variance below 1e-4 of the pooled one: "
       "exclude (list, but do not choose) or keep"},
      {"share-starts", "", "yes|no", "yes", "select",
       "let candidates of one K start from each other's models, too, where one covariance type is a case "
       "of the other"},
      {"groups", "", "N", "auto", "select",
       "parts into which the ranks are divided, each working on other fits; auto: 1 where data are large, "
       "more where they are small"},
      {"engine", "", "NAME", std::string(default_engine().name()), "fit select", engine_help()},
      {"init", "", "START", "kmeans", "fit",
       "kmeans, k-means++, random (responsibilities), random-from-data (rows as means), or a model file"},
      {"init", "", "START", "kmeans", "select",
       "kmeans, k-means++, random (responsibilities) or random-from-data (rows as means)"},
      {"init-labels", "", "DATA", "", "fit",
       "start from this component of each row, 0 to K-1, or text, -1 or missing where unknown (then the "
       "row does not count in the first M-step): a column of the data, which is no feature then, or a "
       "file, as for --labels; the labels are not held"},
      {"init-labels", "", "DATA", "", "select",
       "start the candidates of C components from this class of each row, 0 to C-1, as fit --init-labels "
       "does; others start as --init says: a column of the data, which is no feature then, or a file, as "
       "for --labels"},
      {"n-init", "", "N", "1", "fit select",
       "restarts with seeds seed, seed+1, ...; the highest log-likelihood (" +
           engines_that(&has_means, ", ") + ": the lowest inertia) is kept"},
      {"short-runs", "", "N", "0", "fit select",
       "iterations after which the restarts of --n-init end, for the best one alone to go on; 0: all go on"},
      {"tol", "", "X", "1e-6", "fit select",
       "converged when the mean log-likelihood per row changes by less (0: never); " +
           engines_that(&has_means, ", ") +
           ": when the inertia changes by less, relatively (0: when no mean moves)"},
      {"max-iter", "", "N", "auto", "fit select",
       "most iterations (M-steps) of a restart; " + engines_that(&is_in_passes, ", ") +
           ": passes over the data; " + usual_max_iter_help()},
      {"accelerate", "", "HOW", "none", "fit select",
       "none, or lbfgs: quasi-Newton steps, for fits that converge slowly; one that lowers the "
       "log-likelihood is taken back"},
      {"trace", "", "WHAT", "none", "fit",
       "none, or elbo: keep the lower bound, the Kullback-Leibler divergence and the change of the "
       "parameters of every iteration (the fit is the same, and takes about twice as long)"},
      {"reg-covar", "", "X", "auto", "fit select",
       "added to every variance; auto: nothing is, but no variance falls below 1e-12 of the column's (0: "
       "no limit)"},
      {"seed", "", "N", "0", "fit select sample simulate impute compare", "seed of everything random"},
      {"on-collapse", "", "WHAT", "reseed", "fit select",
       "reseed: a component without rows or with a singular covariance moves to the worst explained row; "
       "fail: exit with code 79"},
      {"skip", "", "WHAT", "auto", "fit select",
       "auto: responsibilities below 2^-64 of a row's largest count as zero and are not computed; none: "
       "compute all (slower where components are far apart)"},
      {"standardize", "", "", "", "fit select",
       "give every column mean 0 and variance 1 first; the model remembers how, and all commands take and "
       "give the data's own units"},
      {"pca", "", "N", "", "fit select",
       "fit to the first N principal components, or to as many as explain a share of the variance, such "
       "as 0.99; the model remembers them, and takes and draws rows of all columns"},
      {"whiten", "", "", "", "fit select", "divide each component of --pca by its standard deviation"},
      {"n-components", "", "N", "", "pca", "how many components to keep (default: all that have variance)"},
      {"variance", "", "X", "", "pca", "keep as many as explain this share of the variance, such as 0.99"},
      {"whiten", "", "", "", "pca", "divide each component by its standard deviation"},
      {"inverse", "", "", "", "transform", "from components back to columns (the nearest such point)"},
      {"labels", "", "DATA", "", "fit select",
       "known classes of the rows, 0 to K-1, -1 where unknown, or text (classes in alphabetical order, "
       "missing where unknown): a column of the data, which is no feature then, or file.npy, file.csv or "
       "file.h5[:/dataset] (default dataset /labels); component k is class k"},
      {"labels", "", "DATA", "", "score compare",
       "known classes of the rows (compare: of --data), -1 where unknown: file.npy, file.csv or "
       "file.h5[:/dataset] (default dataset /labels); shows how well the components find them"},
      {"prior", "", "NAME", "none", "fit select",
       "none: maximum likelihood; auto: the most probable parameters under a weak prior made from the "
       "data, against singular covariances"},
      {"prior-shrinkage", "", "X", "", "fit select",
       "rows that the prior's mean, that of the data, counts as in each component (default 0.01; 0: means "
       "are free)"},
      {"prior-dof", "", "X", "", "fit select",
       "degrees of freedom of the prior of covariances (default d + 2)"},
      {"prior-scale", "", "X", "", "fit select",
       "scale of the prior of covariances, as a share of the data's covariance (default K^(-2/d))"},
      {"prior-weight", "", "X", "", "fit select",
       "concentration of the Dirichlet prior of the mixture weights, >= 1 (default 1: they are free)"},
      {"noise", "", "", "", "fit select",
       "add a component of constant density for rows that belong to no other: p(x) = w0 / V + the "
       "components"},
      {"noise-weight", "", "X", "", "fit select",
       "weight w0 of the noise in the start, between 0 and 1 (default 0.05)"},
      {"noise-volume", "", "V", "", "fit select",
       "volume V of the region in which noise may lie (default: the product of the columns' ranges)"},
      {"fix", "", "LIST", "", "fit",
       "weights, means or covariances, or two of them with a comma: they stay what they are in the start"},
      {"columns", "", "LIST", "",
       "fit select score predict impute denoise regress compare pca transform convert",
       "the columns to use, in this order: numbers from 0, or names; others may hold text (default: those "
       "that the model names, else all); a name with a comma, or that looks like a number, stands in "
       "\"...\""},
      {"header", "", "WHAT", "",
       "fit select score predict impute denoise regress compare info convert pca transform",
       "whether the first line of a text table holds names: yes, no, or auto (default): yes if no field "
       "of it is a number or missing and some column below it holds numbers"},
      {"separator", "", "MARK", "",
       "fit select score predict impute denoise regress compare info convert pca transform",
       "what separates the fields of a text table, such as ; or tab or blank (default: found in the first "
       "line)"},
      {"decimal", "", "MARK", "",
       "fit select score predict impute denoise regress compare info convert pca transform",
       "decimal mark of text tables: . (default) or ,"},
      {"na", "", "LIST", "",
       "fit select score predict impute denoise regress compare info convert pca transform",
       "what else stands for a missing value in text tables, such as -999 (besides nothing, NA, N/A, NaN, "
       "null, None, ? and .)"},
      {"missing", "", "WHAT", "error", "fit select score predict regress",
       "what to do with rows that lack values (NaN, null, in text as --na says): error; drop: leave them "
       "out; em: take from each row the values that it has (maximum likelihood where values are missing "
       "at random)"},
      {"sample-weight", "", "DATA", "", "fit select score pca",
       "weights of the rows, >= 0: a column of the data, which is no feature then, or file.npy, file.csv "
       "or file.h5[:/dataset] (default dataset /sample_weight)"},
      {"errors", "", "DATA", "", "fit select score predict",
       "how well the rows were measured: standard deviations, one for each column, or covariances: "
       "columns of the data (a list, as in ra_error,dec_error), which are no features then, or file.npy, "
       "file.csv or file.h5[:/dataset] (default dataset /errors) of shape (N, d) or (N, d, d). The "
       "components are then those of the true values (extreme deconvolution)"},
      {"errors", "", "DATA", "", "denoise",
       "how well the rows were measured, as in fit: columns of the data, or a file", true},
      {"relative-weights", "", "", "", "fit select score pca",
       "scale the sample weights so that they sum to the number of rows that have any, which BIC and ICL "
       "then count"},
      {"checkpoint", "", "PREFIX", "", "fit select",
       "checkpoints are PREFIX.ckpt.<n>.h5 (default: the output's name without .h5)"},
      {"checkpoint-every", "", "INTERVAL", "10min", "fit select",
       "a time (90s, 10min, 2h), a number of iterations (5it), or never"},
      {"resume", "", "HOW", "auto", "fit select",
       "auto: continue from a checkpoint if there is one; never: start anew; must: fail without one"},
      {"time-limit", "", "TIME", "", "fit select",
       "stop after this time (3.9h) with a checkpoint and exit code 75; SLURM_JOB_END_TIME is heeded in "
       "any case"},
      {"memory-limit", "", "SIZE", "",
       "fit select score predict impute denoise regress compare pca transform",
       "most memory that each process may take, such as 500M or 8G (K, M, G, T: units of 1024): what does "
       "not fit below it is read from the file in every sweep, with the same bits"},
      {"force", "", "", "",
       "fit select score predict sample simulate marginal condition impute denoise regress convert "
       "pca transform",
       "overwrite an existing output"},
      {"dry-run", "", "", "", "select", "say what would be done and how much memory it needs, then stop"},
      {"dry-run", "", "", "", "fit",
       "say what would be done and what it needs: memory, time per iteration (from a short trial on some "
       "rows), processors, checkpoint space; then stop"},
      {"responsibilities", "", "", "", "predict",
       "also write the posterior probabilities of the components (of a k-means model 1 and 0)"},
      {"log-density", "", "", "", "predict", "also write ln p(x)"},
      {"log-density", "", "", "", "regress", "also write ln p of the columns that are no targets"},
      {"gaps", "", "", "", "info",
       "count what is missing in a large table, too (more than 2^27 values: all of it is read)"},
      {"covariance", "", "", "", "regress", "also write the covariance of the targets"},
      {"mahalanobis", "", "", "", "predict",
       "also write the Mahalanobis distances (not squared) to the components"},
      {"standard-deviation", "", "", "", "impute",
       "also write the standard deviation of each missing entry given the others of its row (0 where observed)"},
      {"standard-deviation", "", "", "", "denoise",
       "write standard deviations, /standard_deviation (N, d), instead of covariances"},
      {"draws", "", "M", "", "impute",
       "also write M tables whose missing entries are drawn from what the model allows, instead of its "
       "means: for multiple imputation"},
      {"outliers", "", "Q", "", "predict",
       "also mark about this share of the rows as outliers, such as 0.01"},
      {"outlier-rule", "", "RULE", "data", "predict",
       "data: density below the Q-quantile of these rows; model: below that of rows drawn from the model; "
       "chi2: outside every component's ellipsoid of probability 1 - Q"},
      {"log-json", "", "FILE", "", "fit select", "write the log as JSON lines, too"},
      {"json", "", "", "",
       "fit select score predict sample simulate marginal condition impute denoise regress compare info "
       "pca transform selftest",
       "print the result as JSON"},
      {"watchdog", "", "TIME", "", "fit select",
       "end the run (code 75, checkpoint kept) when a rank has not answered for this time; it must be "
       "longer than any pass over the data, and than the network takes to notice a lost host (default: "
       "wait for ever)"},
      {"threads", "", "N", "",
       "fit select score predict sample simulate impute denoise regress compare pca transform selftest",
       "threads per rank (default: OMP_NUM_THREADS, or the processors that the rank may use)"},
      {"simd", "", "TARGET", "auto",
       "fit select score predict sample simulate marginal condition impute denoise regress compare "
       "pca transform",
       "auto, avx512, avx2, fma128, neon or scalar: same bits, other speed"},
      {"config", "", "FILE", "",
       "fit select score predict sample simulate marginal condition impute denoise regress compare info "
       "convert pca transform",
       "TOML file with options, names as above"}};
}

}  // namespace

const std::vector<OptionSpec>& option_table() {
  static const std::vector<OptionSpec> table = [] {
    std::vector<OptionSpec> all = own_options();
    const std::vector<OptionSpec> of_engines = engine_option_specs("fit select");
    all.insert(std::ranges::find(all, "max-iter", &OptionSpec::name) + 1, of_engines.begin(),
               of_engines.end());
    return all;
  }();
  return table;
}

std::vector<OptionSpec> options_of(const std::string& command) {
  std::vector<OptionSpec> options;
  for (const OptionSpec& option : option_table()) {
    std::istringstream words(option.commands);
    for (std::string word; words >> word;)
      if (word == command) options.push_back(option);
  }
  return options;
}

}  // namespace gmmpi::app
