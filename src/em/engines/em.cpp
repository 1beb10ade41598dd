// em: Expectation-Maximisation (Dempster, Laird & Rubin 1977).
#include "em/assignments.hpp"
#include "em/engines/em_loop.hpp"
#include "em/engines/engines.hpp"

namespace gmmpi {

namespace {

class Em final : public EmLoop {
 public:
  std::string_view name() const override { return "em"; }
  std::string_view summary() const override { return "Expectation-Maximisation"; }
  Abilities abilities() const override {
    return {.constraints = true,
            .noise = true,
            .own_parameters = true,
            .short_runs = true,
            .acceleration = true,
            .bound = true,
            .gaps = true,
            .errors = true};
  }

 private:
  std::unique_ptr<Assignment> assignment(const Mixture& model, const KernelTable& kernels,
                                         double least_log_share, bool with_entropy) const override {
    return std::make_unique<Posterior>(model, kernels, least_log_share, with_entropy);
  }
};

}  // namespace

const Engine& em_engine() {
  static const Em engine;
  return engine;
}

}  // namespace gmmpi
