// The rows nearest to each centre: their weights and sums, brought up to date from sweep to sweep.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "parallel/exact_sum.hpp"

namespace gmmpi {

/// Keeps for every row of this rank the number of its nearest centre and a bound that tells when another one
/// may have become nearer. A sweep looks only at the rows whose bound says so, and only those that change
/// sides are taken from one sum and added to another. As the sums are exact, they are those of all rows, bit
/// for bit, whatever was skipped. Bounds: Hamerly, Making k-means even faster, SDM 2010; here one number per
/// row, the difference of his two (docs/maths.md).
class ClusterSums {
 public:
  enum class Inertia { no, yes };  ///< yes: every row is read, and its distance to its own centre computed
  ClusterSums(const Execution& execution, const Data& data, int n_centers, Inertia inertia = Inertia::no);
  ~ClusterSums();

  /// Collective. One sweep for K centres (K, d). Returns (K, 1 + d): the weight of the rows nearest to each
  /// centre (to the lowest number on a tie) and the sums of their weighted columns, each rounded once.
  /// Errors of any rank's data source are thrown on all ranks.
  std::vector<double> update(const std::vector<double>& centers);

  /// Of the centres of the last sweep: the weighted squared distances of all rows to the nearest, summed
  /// exactly and rounded once; the same as that of a sweep with NearestCenter.
  double inertia() const { return inertia_; }

  /// Of the last sweep: rows of this rank whose distances were computed. Depends on nothing but the data.
  Index n_looked_at() const { return n_looked_at_; }

  /// Bytes that a rank with so many rows and threads needs.
  static std::int64_t bytes(Index n_rows, int n_threads, int n_centers, int n_columns);

 private:
  struct Worker;
  void note_shifts(const std::vector<double>& centers);
  void visit(const Block& block, Worker& worker);
  void look_at(const Block& block, std::span<const int> rows, Worker& worker);
  void add_inertia(const Block& block, Worker& worker);

  const Execution& execution_;
  const Data& data_;
  int K_, d_;
  bool with_inertia_;
  double inertia_ = 0.0;
  Index first_row_;
  double error_;                     ///< of a computed squared distance, relative
  std::vector<double> centers_;      ///< of the last sweep
  std::vector<double> drift_;        ///< per centre: by how much the gaps of its rows may have shrunk so far
  std::vector<std::int32_t> label_;  ///< this rank's rows; K: not assigned yet
  std::vector<double> expiry_;       ///< this rank's rows: the drift at which another centre may be nearer
  ExactArray empty_, sums_;          ///< this rank's rows, K x (1 + d)
  std::vector<std::unique_ptr<Worker>> workers_;
  Index n_looked_at_ = 0;
};

}  // namespace gmmpi
