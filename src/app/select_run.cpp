// SelectRun: fits, their checkpoints, groups that share them out, and the choice.
#include "app/select_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "app/fitting.hpp"
#include "app/grid_table.hpp"
#include "app/observers.hpp"
#include "app/option_flags.hpp"
#include "app/support.hpp"

namespace gmmpi::app {

void SelectProgress::begin_part(const std::string& part, double offset) {
  part_ = part;
  offset_ = offset;
  said_ = log_.seconds();
}

void SelectProgress::safe_point(const FitState&) {
  if (queue_ && queue_->look()) stop_.request(SIGABRT);
}

void SelectProgress::iteration(const Iteration& it) {
  if (log_.seconds() - said_ < 2.0) return;
  said_ = log_.seconds();
  log_.line(fmt::format("  {}: restart {}, iteration {}, log-likelihood {:.10g}", part_, it.restart,
                        it.iteration, it.log_likelihood + offset_));
}

void SelectProgress::reseeded(const Reseed& r) {
  log_.event("reseed", {{"part", part_},
                        {"restart", r.restart},
                        {"iteration", r.iteration},
                        {"component", r.component},
                        {"row", r.row}});
}

SelectRun::SelectRun(const Execution& world, const RankGroups& groups, const SelectOptions& wanted,
                     const Data& data, Checkpointing& checkpoints, StopRequest& stop, RunLog& log)
    : world_(world),
      groups_(groups),
      execution_(world),
      wanted_(wanted),
      data_(data),
      checkpoints_(checkpoints),
      log_(log),
      progress_(log, stop) {
  execution_.comm = groups.comm;
}

std::vector<std::string> SelectRun::parts() const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < wanted_.n_candidates(); ++i)
    for (std::string& name : part_names(wanted_, i)) all.push_back(std::move(name));
  return all;
}

FitResult SelectRun::fit_part(const std::string& part, const Data& data, const FitOptions& f) {
  if (const auto found = failed_.find(part); found != failed_.end()) throw found->second;
  progress_.begin_part(part, log_likelihood_offset(execution_, f, data.summary()));
  CheckpointedFit kept(checkpoints_, f, data.summary(), part);
  Observers observers{&kept, &progress_};
  try {
    FitResult result =
        kept.run([&](const FitState* resume) { return fit(execution_, data, f, observers, resume); });
    to_units_of_the_file(execution_, f, data.summary(), result);
    return result;
  } catch (const FitStopped& e) {
    stopped_where_ = e.where();
    throw e.cause();
  }
}

void SelectRun::finished(const Candidate& c) {
  if (n_finished_++ == 0) log_.line(grid_header(wanted_.criterion));
  log_.line(fmt::format("{}  ({} of {})",
                        grid_line(c, wanted_.criterion, wanted_.fit.engine->works_in_passes()), n_finished_,
                        wanted_.n_candidates()));
  nlohmann::json fields{{"covariance_type", c.kind().name()},
                        {"n_components", c.n_components},
                        {"fitted", c.fitted},
                        {"degenerate", c.degenerate},
                        {"reason", with_flags(c.reason)}};
  if (c.fitted)
    fields.update({{"log_likelihood", c.score.log_likelihood},
                   {"bic", c.score.bic},
                   {"aic", c.score.aic},
                   {"icl", c.score.icl},
                   {"n_iter", c.n_iter},
                   {"converged", c.converged}});
  if (wanted_.criterion == Criterion::cv && c.fitted) fields["cv"] = c.held_out.mean;
  log_.event("candidate", fields);
}

Error SelectRun::stopped(const Error& e) const {
  return Error(e.code(), fmt::format("{}: {} of {} done; {}", e.what(), n_finished_,
                                     count_text(static_cast<Index>(wanted_.n_candidates()), "candidate"),
                                     stopped_where_.empty() ? "run the same command again to continue"
                                                            : stopped_where_));
}

Selection SelectRun::choose() {
  try {
    return select(
        execution_, data_, wanted_,
        [&](const std::string& part, const Data& data, const FitOptions& f) {
          return fit_part(part, data, f);
        },
        [&](const Candidate& c) { finished(c); });
  } catch (const Error& e) {
    if (e.code() != ExitCode::stopped_early) throw;
    throw stopped(e);
  }
}

std::vector<SelectRun::Fit> SelectRun::largest_first() const {
  std::vector<Fit> fits;
  for (std::size_t i = 0; i < wanted_.n_candidates(); ++i) {
    const std::vector<std::string> names = part_names(wanted_, i);
    for (std::size_t j = 0; j < names.size(); ++j) fits.push_back({i, j, names[j]});
  }
  const auto pass = [&](const Fit& fit) {  // multiplications per row, about
    const FitOptions f = wanted_.candidate(fit.i);
    const bool dense = f.component->has_covariances() && !f.structure->layout().is_diagonal();
    return static_cast<double>(f.n_components) * (dense ? data_.n_columns() : 1);
  };
  std::ranges::stable_sort(fits, std::greater(), pass);
  return fits;
}

void SelectRun::take_fits(TaskQueue& queue, const std::vector<Fit>& fits) {
  while (const auto task = queue.next()) {
    const Fit& f = fits[static_cast<std::size_t>(*task)];
    try {
      fit_one(execution_, data_, wanted_, f.i, f.j,
              [&](const std::string& part, const Data& data, const FitOptions& options) {
                return fit_part(part, data, options);
              });
    } catch (const Error& e) {
      if (!is_of_candidate(e)) throw;
      failed_.emplace(f.name, e);
    }
  }
}

void SelectRun::share_failures() {
  std::string mine;
  for (const auto& [name, e] : failed_)
    mine += nlohmann::json{name, static_cast<int>(e.code()), e.what()}.dump(
                -1, ' ', false, nlohmann::json::error_handler_t::replace) +
            "\n";
  if (!groups_.comm.is_root()) mine.clear();
  const std::vector<char> all = world_.comm.all_gather(std::span<const char>(mine));
  std::istringstream lines(std::string(all.begin(), all.end()));
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    failed_.emplace(json[0].get<std::string>(),
                    Error(static_cast<ExitCode>(json[1].get<int>()), json[2].get<std::string>()));
  }
}

void SelectRun::fit_in_groups() {
  const std::vector<Fit> fits = largest_first();
  std::vector<std::size_t> left(wanted_.n_candidates(), part_names(wanted_, 0).size());
  std::size_t n_done = 0;
  const auto done = [&](int task) {
    const Fit& f = fits[static_cast<std::size_t>(task)];
    if (--left[f.i] == 0) ++n_finished_;
    log_.line(fmt::format("  {} done ({} of {})", f.name, ++n_done, fits.size()));
  };
  TaskQueue queue(world_.comm, groups_.comm, static_cast<int>(fits.size()), done, world_.stop);
  progress_.attend(&queue);
  std::exception_ptr failure;
  try {
    take_fits(queue, fits);
  } catch (const Error&) {
    queue.give_up();
    if (!queue.stopped_by_others()) failure = std::current_exception();
  }
  progress_.attend(nullptr);
  world_.comm.broadcast(std::as_writable_bytes(std::span(&n_finished_, 1)));
  world_.comm.together([&] {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const Error& e) {
      if (e.code() != ExitCode::stopped_early) throw;
      throw stopped(e);
    }
  });
  n_finished_ = 0;
  share_failures();
  checkpoints_.end_of_groups();
}

void SelectRun::run(const std::function<void(Selection)>& write) {
  checkpoints_.check_any(parts());
  if (groups_.count > 1) fit_in_groups();
  world_.comm.together([&] {
    if (groups_.mine != 0) return;
    Selection selection = choose();
    write(std::move(selection));
  });
}

}  // namespace gmmpi::app
