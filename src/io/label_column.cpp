// Labels that are text: the classes that there are, and the number of each row's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <set>
#include <span>

#include "gmmpi/data/column_reader.hpp"
#include "gmmpi/error.hpp"
#include "io/csv_reader.hpp"

namespace gmmpi {

namespace {

constexpr std::size_t kMostClasses = 1'000'000;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// As where labels are numbers.
constexpr const char* kUnknown = "-1";

/// The place of each row's text among the classes.
class ClassReader final : public DataReader {
 public:
  ClassReader(std::unique_ptr<CsvReader> table, int column, std::vector<std::string> classes,
              const std::string& name)
      : table_(std::move(table)), column_(column), classes_(std::move(classes)) {
    constexpr std::size_t most = 5;
    const auto shown = std::span(classes_).first(std::min(most, classes_.size()));
    name_ =
        fmt::format("{} (classes {}{})", name, fmt::join(shown, ", "), classes_.size() > most ? ", ..." : "");
    format_ = table_->format();
    storage_ = table_->storage();
    n_rows_ = table_->n_rows();
    n_columns_ = 1;
  }
  void read(Index first, Index count, double* out) override {
    table_->read_texts(column_, first, count, [&](Index row, const std::string& text) {
      const auto found = std::ranges::lower_bound(classes_, text);
      out[row - first] =
          text.empty() || text == kUnknown ? kMissing : static_cast<double>(found - classes_.begin());
    });
  }
  void read(Index, Index, float*) override {
    throw Error(ExitCode::internal, "internal error: labels are read as float64");
  }
  std::string row_text(Index row) override { return table_->row_text(row); }

 private:
  std::unique_ptr<CsvReader> table_;
  int column_;
  std::vector<std::string> classes_;
};

/// Collective. The different texts of all ranks' rows, in order.
std::vector<std::string> all_texts(const Communicator& comm, CsvReader& table, int column,
                                   const std::string& name) {
  const BlockGrid grid(table.n_rows());
  const Index first = grid.first_row_of_rank(comm.rank(), comm.size());
  const Index last = grid.first_row_of_rank(comm.rank() + 1, comm.size());
  std::set<std::string> texts;
  const auto check = [&] {
    if (texts.size() > kMostClasses)
      throw Error(
          ExitCode::bad_data,
          fmt::format("{} holds more than {} different texts: give a column of classes", name, kMostClasses));
  };
  std::string own;
  comm.together([&] {
    table.read_texts(column, first, last - first, [&](Index, const std::string& text) {
      if (!text.empty() && text != kUnknown) texts.insert(text);
      check();
    });
    for (const std::string& text : texts) own.append(text).push_back('\n');
  });
  const std::vector<char> gathered = comm.all_gather(std::span<const char>(own));
  texts.clear();
  for (auto at = gathered.begin(); at != gathered.end();) {
    const auto end = std::find(at, gathered.end(), '\n');
    texts.emplace(at, end);
    at = end + 1;
  }
  comm.together(check);
  return {texts.begin(), texts.end()};
}

}  // namespace

LabelColumn as_labels(const Communicator& comm, std::unique_ptr<DataReader> table, int column,
                      const std::string& name) {
  if (auto* text = dynamic_cast<CsvReader*>(table.get())) {
    const std::vector<std::string> texts = all_texts(comm, *text, column, name);
    const bool numbers =
        std::ranges::all_of(texts, [&](const std::string& t) { return text->layout().dialect.is_number(t); });
    if (!numbers) {
      static_cast<void>(table.release());
      return {std::make_unique<ClassReader>(std::unique_ptr<CsvReader>(text), column, texts, name), texts};
    }
  }
  if (table->n_columns() == 1) return {std::move(table), {}};
  return {std::make_unique<ColumnReader>(std::move(table), std::vector{column}, name), {}};
}

}  // namespace gmmpi
