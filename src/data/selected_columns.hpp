// Some columns of other data.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// The rows of `data`, which must outlive it, with `columns` of theirs. The fingerprint is that of `data`.
class SelectedColumns final : public Data {
 public:
  SelectedColumns(const Data& data, std::vector<int> columns);

  void for_each_block(const Execution& execution,
                      const std::function<void(const Block&, int thread)>& work) const override;
  std::vector<double> row(Index global_row) const override;
  double weight(Index global_row) const override { return data_.weight(global_row); }

 private:
  const Data& data_;
  std::vector<int> columns_;
};

}  // namespace gmmpi
