// Several observers of one fit.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "gmmpi/em/fit.hpp"

namespace gmmpi::app {

/// Tells each of them what it is told, one after the other.
class Observers final : public FitObserver {
 public:
  Observers(std::initializer_list<FitObserver*> all) : all_(all) {}

  void safe_point(const FitState& state) override {
    for (FitObserver* one : all_) one->safe_point(state);
  }
  void restart_begins(int restart) override {
    for (FitObserver* one : all_) one->restart_begins(restart);
  }
  void started(const std::string& how) override {
    for (FitObserver* one : all_) one->started(how);
  }
  void iteration(const Iteration& it) override {
    for (FitObserver* one : all_) one->iteration(it);
  }
  void reseeded(const Reseed& reseed) override {
    for (FitObserver* one : all_) one->reseeded(reseed);
  }
  void recentred(int restart, int iteration) override {
    for (FitObserver* one : all_) one->recentred(restart, iteration);
  }
  void rejected(int restart, int iteration, double log_likelihood) override {
    for (FitObserver* one : all_) one->rejected(restart, iteration, log_likelihood);
  }
  void restart_ended(int restart, bool converged, double log_likelihood) override {
    for (FitObserver* one : all_) one->restart_ended(restart, converged, log_likelihood);
  }

 private:
  std::vector<FitObserver*> all_;
};

}  // namespace gmmpi::app
