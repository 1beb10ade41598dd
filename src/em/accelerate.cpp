// L-BFGS in local coordinates, and its safeguards.
#include "em/accelerate.hpp"

#include <algorithm>
#include <cmath>

#include "gmmpi/expect.hpp"
#include "model/local_coordinates.hpp"
#include "model/variance_floor.hpp"

namespace gmmpi {

namespace {

using Vector = std::vector<double>;

constexpr std::size_t kMostSteps = 10;  ///< remembered
constexpr double kFirstRadius = 0.05, kLargestRadius = 0.5;
constexpr double kGrow = 2.0, kShrink = 0.25;  ///< of the radius, after a full step and a rejected one
constexpr double kFar = 0.3;                   ///< EM steps longer than this say nothing about the next ones
constexpr double kLeastCosine = 1e-2;          ///< between a step and the decrease along it

/// vector += factor * other
void add(double factor, const Vector& other, Vector& vector) {
  for (std::size_t e = 0; e < vector.size(); ++e) vector[e] += factor * other[e];
}

void remember(AccelerationState& a, const Vector& em_step) {
  Vector decrease = a.em_step;
  add(-1.0, em_step, decrease);
  a.steps.push_back(std::move(a.step));
  a.decreases.push_back(std::move(decrease));
  if (a.steps.size() <= kMostSteps) return;
  a.steps.erase(a.steps.begin());
  a.decreases.erase(a.decreases.begin());
}

/// The two loops of L-BFGS: em_step times the inverse Hessian that the remembered steps suggest, in units in
/// which EM's own is the identity. Steps along which the log-likelihood was not concave are left out. Nocedal
/// & Wright (2006), algorithm 7.4.
Vector quasi_newton_step(const LocalCoordinates& here, const AccelerationState& a, const Vector& em_step) {
  struct Pair {
    const Vector &step, &decrease;
    double curvature, along = 0.0;
  };
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < a.steps.size(); ++i) {
    const Vector &s = a.steps[i], &y = a.decreases[i];
    const double curvature = here.inner(s, y);
    if (curvature > kLeastCosine * std::sqrt(here.inner(s, s) * here.inner(y, y)))
      pairs.push_back({s, y, curvature});
  }
  Vector q = em_step;
  for (auto pair = pairs.rbegin(); pair != pairs.rend(); ++pair) {
    pair->along = here.inner(pair->step, q) / pair->curvature;
    add(-pair->along, pair->decrease, q);
  }
  for (const Pair& pair : pairs)
    add(pair.along - here.inner(pair.decrease, q) / pair.curvature, pair.step, q);
  return q;
}

double last_rise(const FitState& state) {
  const std::size_t n = state.history.size();
  return n > 1 ? state.history[n - 1] - state.history[n - 2] : 0.0;
}

}  // namespace

std::vector<StateField> AccelerationState::fields() {
  const std::string g = "acceleration";
  return {{g, "steps", &steps},   {g, "decreases", &decreases},
          {g, "step", &step},     {g, "em_step", &em_step},
          {g, "radius", &radius}, {g, "extrapolated", &extrapolated},
          {g, "width", &width},   {g, "", &em_model}};
}

Mixture accelerate(const Execution& execution, const FitState& state, AccelerationState& a, Mixture em_model,
                   double least_rise, std::span<const double> floor) {
  GMMPI_EXPECT(em_model.n_components == state.model.n_components &&
               em_model.structure == state.model.structure);
  const LocalCoordinates here(state.model, execution);
  const Vector em_step = here.of(em_model);
  const double em_width = here.width(em_step);
  if (a.radius == 0.0) a.radius = kFirstRadius;
  if (a.extrapolated && a.width >= 0.99 * a.radius) a.radius = std::min(kLargestRadius, kGrow * a.radius);
  if (!a.step.empty()) remember(a, em_step);
  if (em_width > kFar) a.steps.clear(), a.decreases.clear();
  a.step = a.em_step = em_step;
  a.extrapolated = false;
  a.em_model = Mixture();
  if (!(last_rise(state) >= least_rise)) return em_model;

  Vector step = quasi_newton_step(here, a, em_step);
  if (step == em_step || !(here.inner(step, em_step) > 0.0)) return em_model;
  const double longest = std::max(a.radius, em_width);
  a.width = here.width(step);
  if (a.width > longest) {
    for (double& e : step) e *= longest / a.width;
    a.width = longest;
  }
  Mixture extrapolated = here.at(step);
  if (!factorise_above(extrapolated, floor, execution).empty()) return em_model;
  a.step = std::move(step);
  a.em_model = std::move(em_model);
  a.extrapolated = true;
  return extrapolated;
}

bool must_reject(const FitState& state, const AccelerationState& a, double log_likelihood) {
  return a.extrapolated && !(log_likelihood >= state.history.back());
}

void reject(FitState& state, AccelerationState& a) {
  GMMPI_EXPECT(a.extrapolated);
  state.model = std::move(a.em_model);
  a.em_model = Mixture();
  a.step = a.em_step;
  a.radius = kShrink * std::min(a.radius, a.width);
  a.extrapolated = false;
  ++state.n_rejected;
}

}  // namespace gmmpi
