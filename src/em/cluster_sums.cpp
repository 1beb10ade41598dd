// ClusterSums: bounds, and sums that follow the rows that change sides.
#include "em/cluster_sums.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <string>
#include <utility>

#include "em/gap_clusters.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "kernels/table.hpp"
#include "parallel/exact_message.hpp"

namespace gmmpi {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMostSum = 1e300;
constexpr int kBits = 53, kLeastExponent = -1074;  ///< of double
/// More than what underflow takes from a squared distance.
constexpr double kUnderflow = 1e-300;
/// Blocks after which a thread's limbs are carried: at most 2 x 2048 terms each, 2^24 fit.
constexpr Index kBlocksPerCarry = 2048;
/// Rows by which loads from memory run ahead: those that are looked at lie scattered.
constexpr std::size_t kAhead = 16;

double up(double positive) {
  return positive * (1.0 + 0x1p-50);
}
double down(double positive) {
  return positive * (1.0 - 0x1p-50);
}

/// Bounds of the absolute sums: weight, then weighted columns, the same for each centre and on every rank.
std::vector<double> sum_bounds(const DataSummary& summary, int n_centers) {
  const double weight = summary.total_weight * 1.0001;
  std::vector<double> bounds;
  for (int k = 0; k < n_centers; ++k) {
    bounds.push_back(weight);
    for (std::size_t j = 0; j < summary.minimum.size(); ++j) {
      bounds.push_back(weight * std::max(std::abs(summary.minimum[j]), std::abs(summary.maximum[j])));
      if (!(bounds.back() < kMostSum))
        throw Error(ExitCode::numerical,
                    "column " + std::to_string(j) + " is so large that its sum overflows: use larger units");
    }
  }
  return bounds;
}

/// Exponents of quanta that take no bit of any term: the least weight, and the least weighted number, have
/// all of theirs.
std::vector<int> finest_quanta(const DataSummary& summary, int n_centers) {
  const int weight = std::ilogb(summary.least_weight) - kBits;
  std::vector<int> finest;
  for (int k = 0; k < n_centers; ++k) {
    finest.push_back(std::max(weight, kLeastExponent));
    for (const double least : summary.least_magnitude)
      finest.push_back(std::isinf(least) ? 0 : std::max(weight + std::ilogb(least), kLeastExponent));
  }
  return finest;
}

}  // namespace

/// One thread's part of a sweep.
struct ClusterSums::Worker {
  Worker(const ExactArray& empty, int d) : sums(empty), xt(std::size_t(kTile) * d), terms(1 + d) {}

  ExactArray sums;
  std::vector<double> xt;     ///< d x kTile
  std::vector<double> terms;  ///< 1 + d: weight and weighted columns of a row
  std::vector<int> stale;     ///< rows of a block whose bound has expired
  ExactScalar inertia;
  Index n_blocks = 0, n_looked_at = 0;
};

ClusterSums::ClusterSums(const Execution& execution, const Data& data, int n_centers, Inertia inertia)
    : execution_(execution),
      data_(data),
      K_(n_centers),
      d_(data.n_columns()),
      with_inertia_(inertia == Inertia::yes),
      first_row_(data.grid().first_row(data.first_block())),
      error_((d_ + 32) * 0x1p-53),
      drift_(n_centers + 1),
      empty_(sum_bounds(data.summary(), n_centers), finest_quanta(data.summary(), n_centers)),
      sums_(empty_),
      workers_(execution.n_threads) {
  GMMPI_EXPECT(n_centers >= 1);
  const Index n_rows = data.grid().first_row(data.last_block()) - first_row_;
  label_.assign(n_rows, K_);
  expiry_.assign(n_rows, 0.0);
  drift_[K_] = std::numeric_limits<double>::max();  // until they have a centre, all rows are looked at
}

ClusterSums::~ClusterSums() = default;

std::int64_t ClusterSums::bytes(Index n_rows, int n_threads, int n_centers, int n_columns) {
  const std::int64_t sums = (3 + 1) * 8 * std::int64_t{n_centers} * (1 + n_columns);
  const std::int64_t per_row = sizeof(std::int32_t) + sizeof(double),
                     tile = 8 * std::int64_t{kTile} * n_columns;
  return n_rows * per_row + n_threads * (sums + tile) + 4 * sums;
}

void ClusterSums::note_shifts(const std::vector<double>& centers) {
  if (!centers_.empty()) {
    double most = 0.0, second = 0.0;
    std::vector<double> shift(K_);
    for (int k = 0; k < K_; ++k) {
      double sum = kUnderflow;  // so that no shift is ever taken for less than it is
      for (int j = 0; j < d_; ++j) {
        const double delta = centers[Index{k} * d_ + j] - centers_[Index{k} * d_ + j];
        sum += delta * delta;
      }
      shift[k] = (1.0 + error_) * std::sqrt(sum);
      second = std::max(second, std::min(most, shift[k]));
      most = std::max(most, shift[k]);
    }
    for (int k = 0; k < K_; ++k) {
      const double others = shift[k] == most ? second : most;
      drift_[k] = up(drift_[k] + (1.0 + 2.0 * error_) * shift[k] + others);
    }
  }
  centers_ = centers;
}

void ClusterSums::look_at(const Block& block, std::span<const int> rows, Worker& worker) {
  const int n = std::min<int>(kTile, rows.size());
  double nearest[kTile], least[kTile], gap[kTile];
  std::visit(
      [&](const auto* x) {
        double* to = worker.xt.data();
        for (int r = 0; r < n; ++r) {
          const auto* row = x + Index{rows[r]} * d_;
          const auto* later = x + Index{rows[std::min(r + kAhead, rows.size() - 1)]} * d_;
          for (int j = 0; j < d_; j += kPad) __builtin_prefetch(later + j);
          for (int j = 0; j < d_; ++j) to[Index{j} * kTile + r] = static_cast<double>(row[j]);
        }
      },
      block.rows);
  execution_.kernels->nearest_with_gap(d_, K_, worker.xt.data(), centers_.data(), nearest, least, gap);
  const Index first = block.first_row - first_row_;
  for (int r = 0; r < n; ++r) {
    const auto k = static_cast<std::int32_t>(nearest[r]);
    expiry_[first + rows[r]] = gap[r] > 0.0 ? down(gap[r] + drift_[k]) : 0.0;
    std::int32_t& label = label_[first + rows[r]];
    if (k == label) continue;
    const double weight = block.weights ? block.weights[rows[r]] : 1.0;
    worker.terms[0] = weight;
    for (int j = 0; j < d_; ++j) worker.terms[1 + j] = weight * worker.xt[Index{j} * kTile + r];
    worker.sums.add(worker.terms, std::size_t(k) * (1 + d_));
    if (label < K_) {
      for (double& term : worker.terms) term = -term;
      worker.sums.add(worker.terms, std::size_t(label) * (1 + d_));
    }
    label = k;
  }
}

void ClusterSums::visit(const Block& block, Worker& worker) {
  const Index first = block.first_row - first_row_;
  const std::int32_t* label = label_.data() + first;
  const double* drift = drift_.data();
  double* expiry = expiry_.data() + first;
  worker.stale.resize(block.n_rows);
  int n = 0;
  for (int r = 0, *stale = worker.stale.data(), end = block.n_rows; r < end; ++r) {
    stale[n] = r;
    n += static_cast<int>(drift[label[r]] >= expiry[r]);
  }
  std::span<int> stale(worker.stale.data(), n);
  if (block.weights)  // rows of weight zero may hold anything: they are never looked at
    stale = stale.first(std::remove_if(stale.begin(), stale.end(),
                                       [&](int r) {
                                         if (block.weights[r] > 0.0) return false;
                                         expiry[r] = kInfinity;
                                         return true;
                                       }) -
                        stale.begin());
  worker.n_looked_at += std::ssize(stale);
  for (; !stale.empty(); stale = stale.subspan(std::min<std::size_t>(kTile, stale.size())))
    look_at(block, stale, worker);
  if (with_inertia_) add_inertia(block, worker);
  if (++worker.n_blocks % kBlocksPerCarry == 0) worker.sums.normalise();
}

void ClusterSums::add_inertia(const Block& block, Worker& worker) {
  const std::int32_t* label = label_.data() + (block.first_row - first_row_);
  const std::vector<double> zero(d_);
  double distance[kTile], lanes[kRowLanes] = {};
  for (int offset = 0; offset < block.n_rows; offset += kTile) {
    const int n = std::min(kTile, block.n_rows - offset);
    std::ranges::fill(worker.xt, 0.0);
    std::visit(
        [&](const auto* x) {
          for (int r = 0; r < n; ++r) {
            if (label[offset + r] == K_) continue;  // of weight zero
            const auto* row = x + Index{offset + r} * d_;
            const double* center = centers_.data() + Index{label[offset + r]} * d_;
            for (int j = 0; j < d_; ++j)
              worker.xt[Index{j} * kTile + r] = static_cast<double>(row[j]) - center[j];
          }
        },
        block.rows);
    execution_.kernels->squared_distances(d_, 1, worker.xt.data(), zero.data(), distance);
    if (block.weights)
      for (int r = 0; r < n; ++r) distance[r] *= block.weights[offset + r];
    execution_.kernels->sum_rows(distance, lanes);
  }
  for (const double lane : lanes) worker.inertia.add(lane);
}

std::vector<double> ClusterSums::update(const std::vector<double>& centers) {
  GMMPI_EXPECT(std::ssize(centers) == Index{K_} * d_);
  if (data_.summary().has_gaps()) {
    GapClusters clusters = gap_clusters(execution_, data_, centers);
    inertia_ = clusters.inertia;
    n_looked_at_ = std::ssize(label_);
    return std::move(clusters.sums);
  }
  note_shifts(centers);
  std::exception_ptr failure;
  try {
    data_.for_each_block(execution_, [&](const Block& block, int thread) {
      auto& worker = workers_[thread];
      if (!worker) worker = std::make_unique<Worker>(empty_, d_);
      visit(block, *worker);
    });
  } catch (...) {
    failure = std::current_exception();
  }
  n_looked_at_ = 0;
  ExactScalar inertia;
  for (auto& worker : workers_) {
    if (!worker) continue;
    worker->sums.normalise();
    sums_.add(worker->sums);
    worker->sums = empty_;
    inertia.add(std::exchange(worker->inertia, ExactScalar()));
    n_looked_at_ += std::exchange(worker->n_looked_at, 0);
  }
  sums_.normalise();
  ExactArray total = sums_;
  ExactMessage message;
  message.add(total);
  if (with_inertia_) message.add(inertia);
  message.sum(execution_.comm, failure);
  inertia_ = inertia.value();
  std::vector<double> values(total.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = total.value(i);
  return values;
}

}  // namespace gmmpi
