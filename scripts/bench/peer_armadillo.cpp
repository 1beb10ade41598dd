// Armadillo's EM from a given start, for compare_peers.py: prints the log-likelihood after n M-steps.
//
//   peer_armadillo full|diag DATA START N d K N_ITER
//
// DATA is N x d raw doubles, row-major. START is K weights, K x d means, then covariances K x d x d
// (full) or K x d (diag), raw doubles.
#include <armadillo>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

/// Armadillo keeps a row of the data in a column; row-major rows are its columns already.
template <class Array>
void read(std::ifstream& stream, Array* array) {
  stream.read(reinterpret_cast<char*>(array->memptr()),
              static_cast<std::streamsize>(array->n_elem * sizeof(double)));
}

/// `Covariances` is arma::cube for gmm_full, arma::mat for gmm_diag.
template <class Model, class Covariances>
int fit(const arma::mat& data, std::ifstream& start, int K, int n_iter, Covariances covariances) {
  arma::rowvec weights(K);
  arma::mat means(data.n_rows, K);
  read(start, &weights);
  read(start, &means);
  read(start, &covariances);
  if (!start) return 1;
  Model model;
  model.set_params(means, covariances, weights);
  const double floor = 1e-300;
  if (!model.learn(data, K, arma::maha_dist, arma::keep_existing, 0, n_iter, floor, false)) return 1;
  std::printf("%.17g\n", model.avg_log_p(data) * static_cast<double>(data.n_cols));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return 64;
  const std::string type = argv[1];
  std::ifstream data_file(argv[2], std::ios::binary);
  std::ifstream start(argv[3], std::ios::binary);
  const arma::uword n_rows = std::strtoull(argv[4], nullptr, 10);
  const int d = std::atoi(argv[5]);
  const int K = std::atoi(argv[6]);
  const int n_iter = std::atoi(argv[7]);
  arma::mat data(d, n_rows);
  read(data_file, &data);
  if (!data_file) return 66;
  if (type == "full") return fit<arma::gmm_full>(data, start, K, n_iter, arma::cube(d, d, K));
  return fit<arma::gmm_diag>(data, start, K, n_iter, arma::mat(d, K));
}
