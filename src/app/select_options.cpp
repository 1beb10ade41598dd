// select_options: lists of numbers and types, and the criterion.
#include "app/select_options.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "app/fitting.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

constexpr std::int64_t kMostFolds = 1000, kMostCandidates = 100'000;

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> parts{""};
  for (const char c : text)
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

/// "1:9", "2,4,8" or "1:4,8" to numbers; a range may also be written 1..9. Error 64.
std::vector<int> parse_numbers(const std::string& text) {
  const auto complain = [&] {
    return Error(ExitCode::usage, "--n-components: '" + text +
                                      "' is no list of whole numbers from 1; write one such as 1:9 or 2,4,8");
  };
  const auto integer = [&](const std::string& word) {
    int n = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), n);
    if (error != std::errc() || end != word.data() + word.size() || n < 1 || n > kMostComponents)
      throw complain();
    return n;
  };
  std::vector<int> numbers;
  for (const std::string& word : words(text)) {
    const std::size_t dots = word.find(".."), colon = dots == std::string::npos ? word.find(':') : dots;
    const int first = integer(word.substr(0, colon));
    const int last =
        colon == std::string::npos ? first : integer(word.substr(colon + (dots == colon ? 2 : 1)));
    if (last < first || last - first >= kMostCandidates) throw complain();
    for (int n = first; n <= last; ++n)
      if (std::ranges::find(numbers, n) == numbers.end()) numbers.push_back(n);
  }
  return numbers;
}

std::vector<const CovarianceStructure*> parse_structures(const Options& o) {
  if (!component_of(o).has_covariances()) return {&unconstrained(no_covariances())};
  std::vector<const CovarianceStructure*> structures;
  const auto add = [&](const CovarianceStructure* structure) {
    if (std::ranges::find(structures, structure) == structures.end()) structures.push_back(structure);
  };
  for (const std::string& word : words(o.text("covariance-type"))) {
    if (word == "all") {
      for (const CovarianceStructure* structure : covariance_structures()) add(structure);
    } else {
      add(&structure_named(word));
    }
  }
  return structures;
}

}  // namespace

void leave_out_equal_types(const Options& options, int n_columns, SelectOptions& wanted) {
  if (n_columns != 1 || options.text("covariance-type") != "all") return;
  std::set<std::int64_t> seen;  // in one column volumes are all there is: equal or not
  std::erase_if(wanted.structures, [&](const CovarianceStructure* structure) {
    return !seen.insert(structure->n_covariance_parameters(2, 1)).second;
  });
}

SelectOptions select_options(const Options& o) {
  static const std::map<std::string, Criterion> criteria{
      {"bic", Criterion::bic}, {"aic", Criterion::aic}, {"icl", Criterion::icl}, {"cv", Criterion::cv}};
  SelectOptions s;
  s.n_components = parse_numbers(o.text("n-components"));
  s.structures = parse_structures(o);
  if (static_cast<std::int64_t>(s.n_candidates()) > kMostCandidates)
    throw Error(ExitCode::usage, "--n-components: more than 100000 candidates; give fewer");
  s.criterion = criteria.at(o.choice("criterion", {"bic", "aic", "icl", "cv"}));
  s.n_folds = static_cast<int>(o.integer("folds", 2, kMostFolds));
  s.keep_degenerate = o.choice("degenerate", {"exclude", "keep"}) == "keep";
  s.share_starts = o.choice("share-starts", {"yes", "no"}) == "yes";
  s.mix_starts = !o.given.contains("init") && !o.has("labels");
  set_fit_options(o, s.fit);
  starts_from_labels(o, {"labels"});  // --init says where the other candidates start
  s.fit.component = &component_of(o);
  s.fit.own = own_options(o, *s.fit.component);
  if (s.fit.init == Init::model)
    throw Error(ExitCode::usage,
                "--init " + o.text("init") +
                    ": a model file has one number of components; choose kmeans, k-means++, random or "
                    "random-from-data");
  return s;
}

}  // namespace gmmpi::app
