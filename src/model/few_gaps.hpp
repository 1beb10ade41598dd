// Components prepared for rows that lack few columns: by their precisions.
#pragma once

#include <algorithm>
#include <vector>

#include "gmmpi/kernels/aligned.hpp"
#include "gmmpi/model/mixture.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

/// Which columns up to kTile rows lack.
class GapLists {
 public:
  explicit GapLists(int d);
  /// Those of row r: where x[j * step] is not a number.
  void set(int r, const double* x, int step = 1);
  void set_complete(int r);
  const int* n_missing() const { return n_missing_.data(); }  ///< kTile
  const int* missing() const { return missing_.data(); }      ///< kMostGaps x kTile, as kernels want them

 private:
  void end(int r, int n);

  int d_;
  std::vector<int> n_missing_, missing_;  ///< missing_ has one place more, which is written in vain
};

/// What rows that lack few columns are expected to be follows from P_mm of those, with less work than by T of
/// the others. Where columns are nearly dependent that costs digits: such components have no part in it.
class FewGaps {
 public:
  static constexpr int kLeastColumns = 9, kMostColumns = 64;
  static constexpr std::int64_t kMostNumbers = std::int64_t{1} << 22;  ///< in all precisions: 32 MiB
  /// Columns that a row may lack: none where other ways are as good, or precisions take too much memory.
  static int most_missing(int K, int d) {
    const std::int64_t stride = d + kMostGaps;
    const bool worthwhile = d >= kLeastColumns && d <= kMostColumns && K * stride * stride <= kMostNumbers;
    return worthwhile ? std::min(kMostGaps, d / 2) : 0;
  }

  explicit FewGaps(const Mixture& mixture);
  bool takes(int k) const { return takes_[k]; }  ///< component k
  /// Of component k; `log_det` is ln det S.
  FewGapsTask task(int k, int n_rows, const double* xt, const GapLists& gaps) const;
  double log_det(int k) const { return log_det_[k]; }

 private:
  int d_;
  std::int64_t stride_, factor_size_;
  std::vector<bool> takes_;
  std::vector<double> log_det_;
  AlignedDoubles means_, precisions_, factors_;
};

}  // namespace gmmpi
