// Model files: what a fit leaves behind, and what other commands read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gmmpi/em/fit.hpp"
#include "gmmpi/inference/score.hpp"
#include "gmmpi/inference/select.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

/// Everything of a fit that goes into its file.
struct ModelRecord {
  FitResult result;
  Score score;
  FitOptions options;
  DataSummary data;
  /// Of the data, (d) or none: the text dataset /feature_names. They count in no digest.
  std::vector<std::string> feature_names;
  /// Of class 0, 1, ..., where labels were text: the text dataset /class_names. They count in no digest.
  std::vector<std::string> class_names{};
  /// Every resolved option as text, written to /options.
  std::map<std::string, std::string> resolved_options;
  /// Of a selection, written to /grid: what was asked for, and every candidate.
  struct Grid {
    SelectOptions options;
    std::vector<Candidate> candidates;
    std::size_t best = 0;
  };
  std::optional<Grid> grid;
  /// What may differ from run to run, written to /runtime: host, ranks, threads, ...
  std::map<std::string, std::string> runtime;
};

/// Identifies the data, the numeric options and the traces of a fit: equal requests have equal results.
std::string request_digest(const FitOptions& options, const DataSummary& data);

/// Likewise of a selection.
std::string selection_digest(const SelectOptions& options, const DataSummary& data);

/// XXH3-128 over names, types, shapes and little-endian bytes of everything under /model, the log-likelihood
/// history and the numeric options, as 32 hexadecimal digits.
std::string model_digest(const ModelRecord& record);

/// Local. Writes a model file as a whole (temporary name, then renamed) and returns its digest. Errors 73,
/// 74, 77.
std::string write_model(const std::string& path, const ModelRecord& record);

/// A mixture as it is stored, and the transform that rows go through to its coordinates (empty: none). The
/// mixture's log_volume is that of the transform.
struct StoredModel {
  Mixture mixture;
  Transform transform{};

  /// Columns of the data that it is for.
  int n_columns() const { return transform.empty() ? mixture.n_features : transform.n_inputs(); }
};

/// Collective. Reads /model/weights, means, covariances and the attribute covariance_type (all that is
/// needed), and /transform if there is one; checks and factorises them. Errors, equal on all ranks: 66,
/// 77, 65.
StoredModel read_stored_model(const Execution& execution, const std::string& path);

/// Collective. The mixture of a model file in the units of the data (see mixture_before). Errors: as
/// read_stored_model; 65 where there is none, because the fit has projected the rows, and
/// where there is noise; 79.
Mixture read_model(const Execution& execution, const std::string& path);

/// Collective. The same of a model that has been read from `path`.
Mixture in_data_units(const Execution& execution, const StoredModel& model, const std::string& path);

/// Identifies what predict or sample writes: the command, its options, the model's parameters and
/// transform, and the data's fingerprint. Written as the root attribute `request`.
std::string request_text(const Mixture& mixture, const std::map<std::string, std::string>& facts,
                         const Transform& transform = {});
/// The same of what is made without a model.
std::string request_text(const std::map<std::string, std::string>& facts, const Transform& transform = {});
/// Local. The attribute `request` of a file; "" if it has none.
std::string request_of(const std::string& path);

/// What an existing output is, as far as `fit` must know before it writes there.
struct ExistingModel {
  std::string request;    ///< request_digest of the fit that wrote it; empty if it is no such file
  std::string selection;  ///< selection_digest of the selection that wrote it; empty if none did
  std::string digest;
  double log_likelihood = 0.0;
  bool converged = false;
  std::int64_t n_iter = 0;
};

/// Local. None if nothing exists at `path`.
std::optional<ExistingModel> look_at_model(const std::string& path);

}  // namespace gmmpi
