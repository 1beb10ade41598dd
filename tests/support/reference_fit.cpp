#include "support/reference_fit.hpp"

#include <catch2/catch.hpp>

#include "gmmpi/inference/score.hpp"

namespace reference {

gmmpi::FitResult check_fit(const nlohmann::json& file, const gmmpi::Data& data, double epsilon) {
  const auto parameters = [](const nlohmann::json& p) {
    return Parameters{flat(p.at("weights")), flat(p.at("means")), flat(p.at("covariances"))};
  };
  const gmmpi::Execution alone = in_memory::alone();
  CHECK(data.summary().n_rows == file.at("n_used").get<gmmpi::Index>());
  const gmmpi::Mixture start =
      in_memory::make_model(file.at("covariance_type"), parameters(file.at("start")));
  const std::vector<double> trace = flat(file.at("trace").at("log_likelihood"));
  const auto begun =
      in_memory::fit(alone, data, in_memory::exactly(static_cast<int>(trace.size()) - 1, start));
  for (std::size_t i = 0; i < trace.size(); ++i)
    CHECK(begun.history[i] == Approx(trace[i]).epsilon(1e-13).margin(0.0));
  const nlohmann::json& end = file.at("converged");
  gmmpi::FitResult ended =
      in_memory::fit(alone, data, in_memory::exactly(end.at("n_iter").get<int>(), start));
  const Parameters expected = parameters(end);
  CHECK(ended.history.back() == Approx(end.at("log_likelihood").get<double>()).epsilon(1e-13).margin(0.0));
  for (std::size_t e = 0; e < expected.means.size(); ++e)
    CHECK(ended.model.means[e] == Approx(expected.means[e]).epsilon(epsilon).margin(epsilon));
  for (std::size_t e = 0; e < expected.covariances.size(); ++e)
    CHECK(ended.model.covariances[e] ==
          Approx(expected.covariances[e]).epsilon(10 * epsilon).margin(epsilon));
  const gmmpi::Score s = gmmpi::score(alone, data, ended.model);
  CHECK(s.bic == Approx(end.at("bic").get<double>()).epsilon(1e-12));
  CHECK(s.icl == Approx(end.at("icl").get<double>()).epsilon(10 * epsilon));
  return ended;
}

}  // namespace reference
