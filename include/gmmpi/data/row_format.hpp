// How rows are held in memory, and what they are read from.
#pragma once

#include "gmmpi/data/data_reader.hpp"

namespace gmmpi {

/// Rows of `n_columns` numbers, beside each of which `n_errors` tell how well it was measured: none, d
/// standard deviations, or d * d covariances.
struct RowFormat {
  int n_columns = 0;
  ElementType element = ElementType::f8;
  int n_errors = 0;
  ElementType errors_element = ElementType::f8;

  Index row_bytes() const { return n_columns * width(element); }
  Index error_bytes() const { return n_errors * width(errors_element); }  ///< of a row
  Index bytes() const { return row_bytes() + error_bytes(); }             ///< of a row and its errors

 private:
  static Index width(ElementType e) { return e == ElementType::f4 ? 4 : 8; }
};

/// What rows are read from. `errors` has as many rows, or is null.
struct RowReaders {
  DataReader& rows;
  DataReader* errors = nullptr;

  RowFormat format() const {
    RowFormat f{rows.n_columns(), rows.element()};
    if (errors) f.n_errors = errors->n_columns(), f.errors_element = errors->element();
    return f;
  }
};

}  // namespace gmmpi
