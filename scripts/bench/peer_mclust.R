# mclust's EM from a given start, for compare_peers.py: prints the log-likelihood after n M-steps.
#
#   Rscript peer_mclust.R full|tied|diag|spherical N d K N_ITER     reads data.bin and start.<type>.bin
suppressMessages(library(mclust))
mclust.options(warn = FALSE)

words <- commandArgs(trailingOnly = TRUE)
type <- words[1]
N <- as.integer(words[2])
d <- as.integer(words[3])
K <- as.integer(words[4])
n_iter <- as.integer(words[5])

rows <- matrix(readBin("data.bin", "double", N * d), ncol = d, byrow = TRUE)
start <- file(paste0("start.", type, ".bin"), "rb")
weights <- readBin(start, "double", K)
means <- matrix(readBin(start, "double", K * d), nrow = d)  # a column for each component
# Symmetric, so that row-major and column-major are the same.
covariance <- switch(type,
  full = array(readBin(start, "double", K * d * d), c(d, d, K)),
  tied = matrix(readBin(start, "double", d * d), d, d),
  diag = matrix(readBin(start, "double", K * d), nrow = d),
  spherical = readBin(start, "double", K))
close(start)

# mclust's names: volume, shape and orientation, each equal (E), varying (V) or the identity (I). Shapes have
# determinant 1.
model <- switch(type, full = "VVV", tied = "EEE", diag = "VVI", spherical = "VII")
variance <- c(list(modelName = model, d = d, G = K), switch(type,
  full = list(sigma = covariance, cholsigma = array(apply(covariance, 3, chol), c(d, d, K))),
  tied = list(Sigma = covariance, cholSigma = chol(covariance)),
  diag = list(scale = scale <- exp(colMeans(log(covariance))), shape = sweep(covariance, 2, scale, "/")),
  spherical = list(sigmasq = covariance)))

# An E-step, then n_iter times M-step and E-step: the log-likelihood is that of the last parameters.
fit <- em(data = rows, modelName = model, parameters = list(pro = weights, mean = means, variance = variance),
          control = emControl(tol = 0, itmax = n_iter))
cat(sprintf("%.17g\n", fit$loglik))
