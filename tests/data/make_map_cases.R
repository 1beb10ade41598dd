# Writes cases/map_mclust.json: MAP estimates by mclust (Fraley & Raftery 2007), for tests/em/test_prior.cpp.
#   Rscript tests/data/make_map_cases.R      (Debian: r-cran-mclust, r-cran-jsonlite)
suppressMessages({library(mclust); library(jsonlite)})
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
models <- c(full = "VVV", tied = "EEE", diag = "VVI", spherical = "VII")

parameters <- function(p, type) {
  v <- p$variance
  list(weights = as.vector(p$pro), means = unname(t(p$mean)),
       covariances = switch(type, full = aperm(unname(v$sigma), c(3, 1, 2)), tied = unname(v$Sigma),
                            diag = , EEI = unname(t(apply(v$sigma, 3, diag))), spherical = v$sigmasq))
}

one_case <- function(name, type, classes, ...) {
  X <- as.matrix(read.csv(file.path(here, paste0(name, ".csv"))))
  X <- matrix(as.numeric(X[, colnames(X) != "label"]), nrow(X))
  z <- unmap(classes)
  prior <- priorControl(...)
  step <- mstep(data = X, modelName = models[[type]], z = z, prior = prior)
  end <- step$parameters  # not by me(): with VVV and shrinkage 0 its end is no fixed point of mstep() in mclust 6.0.0
  for (i in 1:2000) {
    e <- estep(data = X, modelName = models[[type]], parameters = end)
    end <- mstep(data = X, modelName = models[[type]], z = e$z, prior = prior)$parameters
  }
  asked <- list(...)
  list(data = name, covariance_type = type, n_components = ncol(z), labels = classes - 1,
       shrinkage = if (is.null(asked$shrinkage)) 0.01 else asked$shrinkage,
       step = parameters(step$parameters, type), converged = parameters(end, type),
       log_likelihood = estep(data = X, modelName = models[[type]], parameters = end)$loglik)
}

faithful_classes <- ifelse(read.csv(file.path(here, "old_faithful_std.csv"))[, 1] > 0, 2, 1)
iris_classes <- rep(1:3, each = 50)
cases <- list()
for (type in names(models)) {
  cases <- c(cases, list(one_case("old_faithful_std", type, faithful_classes),
                         one_case("old_faithful_std", type, faithful_classes, shrinkage = 0),
                         one_case("old_faithful_std", type, faithful_classes, shrinkage = 2)))
  # mclust's default scale of diagonal models is one number for all columns; gmmpi's is each column's own
  if (type != "diag") cases <- c(cases, list(one_case("iris", type, iris_classes)))
}
models <- c(models, EEI = "EEI")  # with shrinkage, mclust 6.0.0 leaves its means unshrunk
cases <- c(cases, list(one_case("old_faithful_std", "EEI", faithful_classes, shrinkage = 0)))
write_json(list(kind = "map", origin = paste("mclust", packageVersion("mclust"), "by make_map_cases.R"),
                description = paste("by mstep() from 0/1 responsibilities (step), and by 2000 of estep() and mstep()",
                                    "from there on (converged, log_likelihood); default prior but for shrinkage"),
                cases = cases),
           file.path(here, "cases", "map_mclust.json"), digits = I(17), auto_unbox = TRUE, null = "null")
