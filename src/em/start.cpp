// The starts, from centres or responsibilities to a model.
#include "em/start.hpp"

#include <cmath>
#include <stdexcept>

#include "em/assignments.hpp"
#include "em/cluster_sums.hpp"
#include "em/labelled.hpp"
#include "em/labelled_start.hpp"
#include "em/lloyd.hpp"
#include "em/pilot.hpp"
#include "em/seeding.hpp"
#include "em/subsample.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

constexpr int kMostGreedySeeds = 16;  ///< for more, the passes of k-means|| cost less than one per seed

/// What is done while it lives is the search for seeds and k-means, not the M-step after it.
class Search {
 public:
  explicit Search(const Execution& execution) : profile_(execution.profile) {}
  Search(const Search&) = delete;
  ~Search() {
    if (profile_) profile_->add(Profile::start, watch_.lap());
  }

 private:
  Profile* profile_;
  Stopwatch watch_;
};

/// Seeds for k-means. Goes on from where `state` is.
void kmeans_seeds(const Execution& execution, const Data& data, int n_centers, std::uint64_t seed,
                  FitState& state, const SafePoint& safe_point) {
  if (state.phase != FitState::Phase::seeding) return;
  if (n_centers <= kMostGreedySeeds)
    seed_centers(execution, data, n_centers, SeedRule::distance, seed, state.centers, safe_point);
  else
    seed_centers_in_rounds(execution, data, n_centers, seed, state.centers, state.seeding_rounds, safe_point);
  state.phase = FitState::Phase::lloyd;
}

/// The centres that a start begins with; none for those without.
void find_seeds(const Execution& execution, const Data& data, const FitOptions& options, std::uint64_t seed,
                FitState& state, const SafePoint& safe_point) {
  const int K = options.n_components;
  if (options.init == Init::kmeans)
    kmeans_seeds(execution, data, K, seed, state, safe_point);
  else if (options.init == Init::kmeans_plusplus)
    seed_centers(execution, data, K, SeedRule::distance, seed, state.centers, safe_point);
  else if (options.init == Init::random_from_data)
    seed_centers(execution, data, K, SeedRule::distinct, seed, state.centers, safe_point);
}

/// The model that maximises the likelihood of an assignment; components without rows or without a proper
/// covariance keep their centre and get the data's variances.
Mixture maximise(const Execution& execution, const Data& data, const Assignment& assignment,
                 const std::vector<double>& centers, const FitOptions& options,
                 const Constraints& constraints, const std::vector<double>& variance) {
  const auto sum_about = [&](const std::vector<double>& c) {
    return sweep(execution, data, assignment, c, options.structure->scatter_shape(),
                 MomentNeeds::of(*options.structure, constraints.regularisation.hides()));
  };
  bool recentred = false;
  MStep step =
      m_step_guarded(execution, sum_about(centers), options.kind(), constraints, sum_about, recentred);
  const int d = data.n_columns();
  for (const int k : step.collapsed)
    set_component(step.model, k,
                  {step.model.means.begin() + std::ptrdiff_t{k} * d,
                   step.model.means.begin() + std::ptrdiff_t{k + 1} * d},
                  variance);
  return std::move(step.model);
}

/// Factorises. Error 79.
void require_regular(Mixture& start, const KernelTable& kernels) {
  if (!factorise(start, kernels).empty())
    throw Error(
        ExitCode::numerical,
        "the start has a singular covariance (a column is constant or depends on others): drop that column, "
        "or give `reg_covar` a positive value");
}

}  // namespace

void set_component(Mixture& m, int k, const std::vector<double>& x, const std::vector<double>& variance) {
  m.component->mean_about(x.data(), m.mean(k));
  if (!m.own.empty() && m.own_sharing == Sharing::each) m.own[k] = m.component->own_at_start();
  if (m.is_shared() || m.n_covariances() == 0) return;
  std::erase(m.floored, k);
  m.layout().set_diagonal(variance, m.covariance(k));
}

/// Random rows as means, the data's variances, equal weights.
Mixture model_of_rows(const Kind& kind, int K, std::vector<double> means,
                      const std::vector<double>& variance) {
  const std::size_t d = variance.size();
  Mixture model;
  model.n_components = K;
  model.become(kind);
  model.n_features = static_cast<int>(d);
  model.weights.assign(K, 1.0 / K);
  std::size_t n_values = 1;
  for (const std::size_t n : model.layout().dims(K, model.n_features)) n_values *= n;
  model.covariances.assign(n_values, 0.0);
  if (model.is_shared()) model.layout().set_diagonal(variance, model.covariance(0));
  model.means = std::move(means);
  for (int k = 0; k < K; ++k)
    set_component(model, k, {model.means.begin() + k * d, model.means.begin() + (k + 1) * d}, variance);
  return model;
}

std::string make_centers(const Execution& execution, const Data& data, const DataMoments& moments,
                         const FitOptions& options, const Regularisation& regularisation, FitState& state,
                         const SafePoint& safe_point) {
  switch (options.init) {
    case Init::model:
      state.centers = options.start->means;
      return "the means of the given model";
    case Init::labels:
      state.centers = class_means(execution, data, moments.mean, *options.init_labels);
      return "the means of the given labels";
    case Init::random:
      make_start(execution, data, moments, options, regularisation, state, safe_point);
      state.centers = std::move(state.model.means);
      state.model = Mixture();
      return "the means of random responsibilities";
    default:
      break;
  }
  const Search search(execution);
  find_seeds(execution, data, options, options.seed + state.restart, state, safe_point);
  return options.init == Init::random_from_data ? "random rows" : "k-means++ seeds";
}

std::int64_t start_bytes(const Execution& execution, const FitOptions& options, Index n_rows, int n_columns) {
  const int K = options.n_components;
  const Index rows_of_rank = BlockGrid(n_rows).first_row_of_rank(1, execution.comm.size());
  const std::int64_t clusters = ClusterSums::bytes(rows_of_rank, execution.n_threads, K, n_columns);
  if (options.engine->parameters_are_means()) return clusters;
  switch (options.init) {
    case Init::kmeans:
      return clusters + subsample_bytes(n_rows, n_columns, pilot_rows(options, n_columns));
    case Init::kmeans_plusplus:
    case Init::random_from_data:
      return rows_of_rank * Index{sizeof(double)};  // the distance to the nearest seed
    case Init::random:
    case Init::model:
    case Init::labels:
      break;
  }
  return 0;
}

namespace {

/// What makes the models of a start, and the restart that it is for.
struct Maker {
  const Execution& execution;
  const Data& data;
  const DataMoments& moments;
  const FitOptions& options;
  const Constraints& constraints;
  std::uint64_t seed;
  std::vector<double> variance;  ///< (d) of components that have no proper one of their own

  Mixture of(const Assignment& assignment, const std::vector<double>& centers) const {
    return maximise(execution, data, assignment, centers, options, constraints, variance);
  }
  Mixture of_nearest(const std::vector<double>& centers) const {
    return of(NearestCenter(centers, data.n_columns(), *execution.kernels), centers);
  }
};

/// The first M-step of a start with labels.
std::string start_from_labels(const Maker& maker, FitState& state, const SafePoint& safe_point) {
  const FitOptions& options = maker.options;
  const LabelledStart start = [&] {
    const Search search(maker.execution);
    return labelled_start(maker.execution, maker.data, maker.moments.mean, options, maker.seed, state,
                          safe_point);
  }();
  const NearestCenter nearest(start.centers, maker.data.n_columns(), *maker.execution.kernels);
  state.model = maker.of(KnownClasses(*options.labels, start.others ? &nearest : nullptr), start.centers);
  return start.how;
}

/// Seeds, and Lloyd's iterations from them.
void find_clusters(const Maker& maker, FitState& state, const SafePoint& safe_point) {
  const std::size_t d = maker.data.n_columns();
  double mean_variance = 0.0;
  for (std::size_t j = 0; j < d; ++j) mean_variance += maker.moments.variance[j] / static_cast<double>(d);
  find_seeds(maker.execution, maker.data, maker.options, maker.seed, state, safe_point);
  lloyd(maker.execution, maker.data, mean_variance, state.centers, state.lloyd_iterations, safe_point,
        maker.options.lloyd_iterations);
}

/// Init::kmeans: a pilot fit where the rows are many, else clusters.
std::string start_from_kmeans(const Maker& maker, FitState& state, const SafePoint& safe_point) {
  std::optional<Pilot> pilot;
  {
    const Search search(maker.execution);
    if (state.phase == FitState::Phase::seeding && state.centers.empty())
      pilot = pilot_fit(maker.execution, maker.data, maker.options, maker.seed, safe_point);
    if (!pilot) find_clusters(maker, state, safe_point);
  }
  if (pilot) {
    state.model = std::move(pilot->model);
    return "k-means and EM on a subsample of " + std::to_string(pilot->n_rows) + " rows";
  }
  state.model = maker.of_nearest(state.centers);
  return "k-means (" + std::to_string(state.lloyd_iterations) + " sweeps)";
}

void draw_seeds(const Maker& maker, FitState& state, const SafePoint& safe_point) {
  const Search search(maker.execution);
  find_seeds(maker.execution, maker.data, maker.options, maker.seed, state, safe_point);
}

/// From chance alone: every row's responsibilities.
std::string start_from_chance(const Maker& maker, FitState& state) {
  const std::vector<double>& mean = maker.moments.mean;
  std::vector<double> centers;
  for (int k = 0; k < maker.options.n_components; ++k)
    centers.insert(centers.end(), mean.begin(), mean.end());
  state.model = maker.of(RandomResponsibilities(maker.options.n_components, maker.seed), centers);
  return "random responsibilities";
}

std::string start_without_labels(const Maker& maker, FitState& state, const SafePoint& safe_point) {
  const FitOptions& options = maker.options;
  switch (options.init) {
    case Init::labels: {
      const RowLabels& labels = *options.init_labels;
      state.model = maker.of(KnownClasses(labels, nullptr),
                             class_means(maker.execution, maker.data, maker.moments.mean, labels));
      return "the given labels";
    }
    case Init::model:
      state.model = with_structure(*options.start, *options.structure, *maker.execution.kernels);
      state.model.become(options.kind());
      return "the given model";
    case Init::random:
      return start_from_chance(maker, state);
    case Init::random_from_data:
      draw_seeds(maker, state, safe_point);
      state.model = model_of_rows(options.kind(), options.n_components, state.centers, maker.variance);
      return "random rows as means";
    case Init::kmeans:
      return start_from_kmeans(maker, state, safe_point);
    case Init::kmeans_plusplus:
      draw_seeds(maker, state, safe_point);
      state.model = maker.of_nearest(state.centers);
      return "k-means++ seeds";
  }
  throw std::logic_error("a start without a name");
}

}  // namespace

std::string make_start(const Execution& execution, const Data& data, const DataMoments& moments,
                       const FitOptions& options, const Constraints& constraints, FitState& state,
                       const SafePoint& safe_point) {
  const Maker maker{execution,
                    data,
                    moments,
                    options,
                    constraints,
                    options.seed + state.restart,
                    constraints.regularisation.applied_to(moments.variance)};
  const bool by_labels = options.labels && options.init != Init::model;
  std::string how = by_labels ? start_from_labels(maker, state, safe_point)
                              : start_without_labels(maker, state, safe_point);
  require_regular(state.model, *execution.kernels);
  return how;
}

}  // namespace gmmpi
