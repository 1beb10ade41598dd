// Assignments that heed labels: rows of a known class belong wholly to it.
#pragma once

#include "em/sweep.hpp"
#include "gmmpi/data/row_labels.hpp"
#include "gmmpi/expect.hpp"
#include "model/log_density.hpp"

namespace gmmpi {

/// Rows of a known class wholly to it, those without one as `others` assigns them; where that is null they
/// count nowhere, and the values are 0. For starts: the values of labelled rows mean nothing.
class KnownClasses final : public Assignment {
 public:
  KnownClasses(const RowLabels& labels, const Assignment* others) : labels_(labels), others_(others) {
    GMMPI_EXPECT(!others || others->n_components() == labels.n_classes());
  }
  int n_components() const override { return labels_.n_classes(); }
  std::size_t scratch_size() const override { return others_ ? others_->scratch_size() : 0; }
  void assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const override;
  PartialAssignment given(std::span<const int> observed, std::span<const int> missing) const override;

 private:
  const RowLabels& labels_;
  const Assignment* others_;
  std::unique_ptr<Assignment> owned_;  ///< the others, where they are nobody else's
};

/// The E-step of a semi-supervised fit: unlabelled rows as the engine's `posterior` assigns and values them;
/// a row of class c has responsibility 1 for it, all its values are ln pi_c N(x | mu_c, Sigma_c), and it has
/// no entropy. (The missing labels are EM's only latent variables: Nigam, McCallum, Thrun & Mitchell 2000.)
class LabelledPosterior final : public Assignment {
 public:
  LabelledPosterior(const RowLabels& labels, const Assignment& posterior, const Mixture& mixture,
                    const KernelTable& kernels)
      : labels_(labels), posterior_(posterior), mixture_(mixture), density_(mixture, kernels) {
    GMMPI_EXPECT(posterior.n_components() == labels.n_classes());
    GMMPI_EXPECT(mixture.n_components == labels.n_classes());
  }
  int n_components() const override { return posterior_.n_components(); }
  int n_values() const override { return posterior_.n_values(); }
  bool has_entropy() const override { return posterior_.has_entropy(); }
  std::size_t scratch_size() const override;
  void assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const override;
  std::optional<OwnSums> own_sums() const override { return posterior_.own_sums(); }
  void weigh(const Tile& tile, double* scratch, double* gamma, double* own) const override {
    posterior_.weigh(tile, scratch, gamma, own);
  }
  PartialAssignment given(std::span<const int> observed, std::span<const int> missing) const override;
  void raise_reach(const DataSummary& summary, std::span<const double> centers,
                   std::span<double> reach) const override {
    posterior_.raise_reach(summary, centers, reach);
  }
  double own_of_missing(int i, int k, int n_observed) const override {
    return posterior_.own_of_missing(i, k, n_observed);
  }
  const RowwiseDensity* rowwise() const override { return posterior_.rowwise(); }

 private:
  const RowLabels& labels_;
  const Assignment& posterior_;
  const Mixture& mixture_;
  LogDensity density_;
  std::unique_ptr<Assignment> owned_;  ///< the posterior, where it is nobody else's
};

}  // namespace gmmpi
