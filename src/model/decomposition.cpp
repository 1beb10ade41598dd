// Volumes from determinants, shapes and orientations from eigenvectors.
#include "model/decomposition.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "model/structures/common_orientation.hpp"
#include "model/structures/dense_algebra.hpp"
#include "model/symmetric_eigen.hpp"

namespace gmmpi {

namespace {

/// The axes of one component: rows are unit vectors.
using Axes = std::vector<double>;

Axes axes_of_columns(std::size_t d) {
  Axes axes(d * d);
  for (std::size_t j = 0; j < d; ++j) axes[j * (d + 1)] = 1.0;
  return axes;
}

/// The same axes for all, in the order of falling variances of sum_k Sigma_k / scale_k.
Axes axes_of_all(const std::vector<std::vector<double>>& covariances, const std::vector<double>& scale,
                 const KernelTable& kernels, int d) {
  std::vector<double> all, sum(std::size_t(d) * d);
  for (std::size_t k = 0; k < covariances.size(); ++k) {
    all.insert(all.end(), covariances[k].begin(), covariances[k].end());
    for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += covariances[k][e] / scale[k];
  }
  Axes axes = axes_in_common(all, static_cast<int>(covariances.size()), d, kernels);
  if (axes.empty()) axes = axes_of_columns(d);
  const std::vector<double> turned = congruence(axes, sum, d);
  std::vector<int> order(d);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](int j) { return turned[std::size_t(j) * (d + 1)]; });
  Axes sorted;
  for (const int j : order)
    sorted.insert(sorted.end(), axes.begin() + std::ptrdiff_t{j} * d,
                  axes.begin() + std::ptrdiff_t{j + 1} * d);
  return sorted;
}

void append_component(const std::vector<double>& covariance, double scale, Axes axes, int d,
                      Decomposition& out) {
  const std::size_t n = d;
  const std::vector<double> turned = congruence(axes, covariance, d);
  for (std::size_t j = 0; j < n; ++j) {
    out.shape.push_back(turned[j * (n + 1)] / scale);
    double* axis = axes.data() + j * n;
    std::size_t largest = 0;
    for (std::size_t l = 1; l < n; ++l)
      if (std::abs(axis[l]) > std::abs(axis[largest])) largest = l;
    if (axis[largest] < 0.0)
      for (std::size_t l = 0; l < n; ++l) axis[l] = -axis[l];
  }
  for (std::size_t l = 0; l < n; ++l)
    for (std::size_t j = 0; j < n; ++j) out.orientation.push_back(axes[j * n + l]);
}

}  // namespace

Decomposition decompose(const Mixture& m) {
  const KernelTable& kernels = select_kernels();  // all give the same bits
  const int d = m.n_features;
  const std::string_view letters = m.structure->mclust_name();
  Decomposition out;
  std::vector<std::vector<double>> covariances;
  for (int k = 0; k < m.n_components; ++k) {
    covariances.push_back(full_covariance(m, k));
    out.scale.push_back(exp_of(-2.0 * m.log_det[k] / d, kernels));
  }
  Axes common;
  if (!has_letters(*m.structure)) throw std::logic_error("a structure without letters");
  if (letters[2] == 'I') common = axes_of_columns(d);
  if (letters[2] == 'E') common = axes_of_all(covariances, out.scale, kernels, d);
  for (int k = 0; k < m.n_components; ++k)
    append_component(covariances[k], out.scale[k],
                     common.empty() ? symmetric_eigen(covariances[k], d).vectors : common, d, out);
  return out;
}

bool has_letters(const CovarianceStructure& structure) {
  const std::string_view letters = structure.mclust_name();
  return letters.size() == 3 && letters.find_first_not_of("EVI") == std::string_view::npos;
}

std::string letters_in_words(const CovarianceStructure& structure) {
  const std::string letters(structure.mclust_name());
  const auto verb = [&](const char* what, char letter) {
    return letter == 'E' ? std::string(what) + " are equal" : std::string(what) + " vary";
  };
  if (letters[1] == 'I') return letters + ": " + verb("volumes", letters[0]) + ", shapes are balls";
  return letters + ": " + verb("volumes", letters[0]) + ", " + verb("shapes", letters[1]) + ", " +
         (letters[2] == 'I' ? "orientations are those of the columns" : verb("orientations", letters[2]));
}

}  // namespace gmmpi
