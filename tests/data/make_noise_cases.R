# Writes old_faithful_noise.csv, and cases/noise_mclust.json: fits with a uniform noise component by mclust (Fraley & Raftery 2002).
#   Rscript tests/data/make_noise_cases.R      (Debian: r-cran-mclust, r-cran-jsonlite)
suppressMessages({library(mclust); library(jsonlite)})
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
models <- c(full = "VVV", tied = "EEE", diag = "VVI", spherical = "VII")

# Old Faithful, and 68 rows (a fifth of all) uniform in its box, a tenth wider on each side; label -1
set.seed(1993)
uniform <- sapply(faithful, function(x) runif(68, min(x) - diff(range(x)) / 10, max(x) + diff(range(x)) / 10))
rows <- rbind(as.matrix(faithful), round(uniform, 4))
rows <- cbind(rows, label = c(ifelse(faithful$eruptions < 3, 0, 1), rep(-1, nrow(uniform))))[sample(nrow(rows)), ]
write.csv(rows, file.path(here, "old_faithful_noise.csv"), row.names = FALSE, quote = FALSE)

parameters <- function(p, type) {
  v <- p$variance
  list(weights = as.vector(p$pro)[1:2], noise_weight = p$pro[3], means = unname(t(p$mean)),
       covariances = switch(type, full = aperm(unname(v$sigma), c(3, 1, 2)), tied = unname(v$Sigma),
                            diag = unname(t(apply(v$sigma, 3, diag))), spherical = v$sigmasq))
}

# me() begins with an M-step: with itmax = n + 1 it ends n M-steps after the start, that of itmax = 1
run <- function(X, z, type, volume, n_iter) {
  suppressWarnings(me(data = X, modelName = models[[type]], z = z, Vinv = 1 / volume,
                      control = emControl(tol = c(0, 0), itmax = c(n_iter + 1, n_iter + 1))))
}

one_case <- function(type, volume) {
  X <- rows[, 1:2]
  z <- unmap(rows[, "label"])[, c(2, 3, 1)]  # noise last
  z <- 0.9 * z + 0.1 / 3  # not from the truth itself
  start <- run(X, z, type, volume, 0)
  ten <- run(X, z, type, volume, 10)
  end <- ten  # by single steps: me() itself stops as soon as the log-likelihood stands still
  for (i in 1:1500) end <- run(X, end$z, type, volume, 0)
  with_ll <- function(r) c(parameters(r$parameters, type), list(log_likelihood = r$loglik))
  list(covariance_type = type, volume = volume, start = with_ll(start), ten_iterations = with_ll(ten), converged = with_ll(end),
       n_parameters = nMclustParams(models[[type]], d = 2, G = 2, noise = TRUE), bic = -bic(models[[type]], end$loglik, nrow(X), 2, 2, noise = TRUE),
       n_noise = sum(map(end$z) == 3))
}

box <- prod(apply(rows[, 1:2], 2, function(x) diff(range(x))))
write_json(list(kind = "noise", data = "old_faithful_noise", box_volume = box, hypvol = hypvol(rows[, 1:2]),
                origin = paste("mclust", packageVersion("mclust"), "by make_noise_cases.R"),
                description = "by me() with Vinv = 1 / volume, from blurred true classes; bic in scikit-learn's sign",
                cases = c(lapply(names(models), one_case, volume = box), list(one_case("full", 1000)))),
           file.path(here, "cases", "noise_mclust.json"), digits = I(17), auto_unbox = TRUE, null = "null")
