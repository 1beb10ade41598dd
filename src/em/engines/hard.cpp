// hard: classification EM, which assigns each row wholly (Celeux & Govaert 1992).
#include "em/assignments.hpp"
#include "em/engines/em_loop.hpp"
#include "em/engines/engines.hpp"

namespace gmmpi {

namespace {

class Hard final : public EmLoop {
 public:
  std::string_view name() const override { return "hard"; }
  std::string_view summary() const override {
    return "classification EM, each row wholly to its most responsible component";
  }
  Abilities abilities() const override {
    return {.constraints = true,
            .noise = true,
            .own_parameters = true,
            .short_runs = true,
            .gaps = true,
            .errors = true};
  }
  /// sum_n ln max_k pi_k N(x_n | k); the log-likelihood of the mixture is kept beside it.
  Objective objective() const override { return {"classification_log_likelihood"}; }
  std::vector<TraceKind> traces() const override {
    return {{.name = objective().trace, .is_log_likelihood = true}};
  }

 private:
  std::unique_ptr<Assignment> assignment(const Mixture& model, const KernelTable& kernels,
                                         double least_log_share, bool /*with_entropy*/) const override {
    return std::make_unique<HardPosterior>(model, kernels, least_log_share);
  }
};

}  // namespace

const Engine& hard_engine() {
  static const Hard engine;
  return engine;
}

}  // namespace gmmpi
