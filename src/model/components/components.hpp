// The makers of all kinds of components; registry.cpp lists them.
#pragma once

#include <memory>

#include "gmmpi/model/component.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

std::unique_ptr<Component> make_gaussian();
std::unique_ptr<Component> make_student();
std::unique_ptr<Component> make_bernoulli();

}  // namespace gmmpi
