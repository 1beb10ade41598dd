// SelectRun: fits, their checkpoints, groups that share them out, and the choice.
#include "app/select_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <numeric>
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
      progress_(log, stop),
      fit_part_([this](const std::string& part, const Data& rows, const FitOptions& f) {
        return fit_part(part, rows, f);
      }) {
  execution_.comm = groups.comm;
}

FitResult SelectRun::fit_part(const std::string& part, const Data& data, const FitOptions& f) {
  if (const auto found = failed_.find(part); found != failed_.end()) throw found->second;
  parts_.insert(part);
  progress_.begin_part(part, log_likelihood_offset(execution_, f, data.summary()));
  CheckpointedFit kept(checkpoints_, f, data.summary(), part, f.init == Init::model);
  Observers observers{&kept, &progress_};
  try {
    FitResult result =
        kept.run([&](const FitState* resume) { return fit(execution_, data, f, observers, resume); });
    to_units_of_the_file(execution_, f, data.summary(), result);
    return result;
  } catch (const FitStopped& e) {
    stopped_where_ = e.where();
    throw e.cause();
  } catch (const Error& e) {
    if (is_of_candidate(e)) failed_.emplace(part, e);
    throw;
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
  if (wanted_.shares()) fields["started_from"] = c.start_name();
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
    return select(execution_, data_, wanted_, fit_part_, [&](const Candidate& c) { finished(c); });
  } catch (const Error& e) {
    if (e.code() != ExitCode::stopped_early) throw;
    throw stopped(e);
  }
}

std::vector<SelectRun::Task> SelectRun::own_fits() {
  std::vector<Task> tasks;
  std::vector<double> pass;  // multiplications per row, about
  for (std::size_t i = 0; i < wanted_.n_candidates(); ++i) {
    const FitOptions f = wanted_.candidate(i);
    const bool dense = f.component->has_covariances() && !f.structure->layout().is_diagonal();
    const std::vector<std::string> names = part_names(wanted_, i);
    for (std::size_t j = 0; j < names.size(); ++j) {
      pass.push_back(static_cast<double>(f.n_components) * (dense ? data_.n_columns() : 1));
      tasks.push_back(
          {names[j], [this, i, j] { fit_one(execution_, data_, wanted_, i, j, fit_part_); }, {i}});
    }
  }
  std::vector<std::size_t> order(tasks.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t t) { return pass[t]; });
  std::vector<Task> largest_first;
  for (const std::size_t t : order) largest_first.push_back(std::move(tasks[t]));
  return largest_first;
}

/// The largest number of components first.
std::vector<SelectRun::Task> SelectRun::shared_fits() {
  std::vector<Task> tasks;
  if (!wanted_.shares()) return tasks;
  std::vector<std::size_t> order(wanted_.n_components.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t k) { return wanted_.n_components[k]; });
  for (const std::size_t k : order) {
    std::vector<std::size_t> candidates;
    for (std::size_t s = 0; s < wanted_.structures.size(); ++s)
      candidates.push_back(wanted_.candidate_of(s, k));
    for (std::size_t j = 0; j < part_names(wanted_, k).size(); ++j)
      tasks.push_back({fmt::format("shared starts, K = {}", wanted_.n_components[k]) +
                           (j == 0 ? "" : fmt::format(", fold {}", j - 1)),
                       [this, k, j] { fit_shared(execution_, data_, wanted_, k, j, fit_part_); },
                       candidates});
  }
  return tasks;
}

void SelectRun::take_tasks(TaskQueue& queue, const std::vector<Task>& tasks) {
  while (const auto task = queue.next()) {
    try {
      tasks[static_cast<std::size_t>(*task)].run();
    } catch (const Error& e) {
      if (!is_of_candidate(e)) throw;  // else fit_part has kept it
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

void SelectRun::do_in_groups(const std::vector<Task>& tasks) {
  std::size_t n_done = 0;
  const auto done = [&](int number) {
    const Task& task = tasks[static_cast<std::size_t>(number)];
    for (const std::size_t i : task.candidates) n_finished_ += --left_[i] == 0;
    log_.line(fmt::format("  {} done ({} of {})", task.name, ++n_done, tasks.size()));
  };
  TaskQueue queue(world_.comm, groups_.comm, static_cast<int>(tasks.size()), done, world_.stop);
  progress_.attend(&queue);
  std::exception_ptr failure;
  try {
    take_tasks(queue, tasks);
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
  share_failures();
  checkpoints_.end_of_round();
}

void SelectRun::fit_in_groups() {
  const std::vector<Task> own = own_fits(), shared = shared_fits();
  left_.assign(wanted_.n_candidates(), 0);
  for (const std::vector<Task>* tasks : {&own, &shared})
    for (const Task& task : *tasks)
      for (const std::size_t i : task.candidates) ++left_[i];
  do_in_groups(own);
  if (!shared.empty()) do_in_groups(shared);
  n_finished_ = 0;
  checkpoints_.end_of_groups();
}

void SelectRun::run(const std::function<void(Selection)>& write) {
  std::vector<std::string> begun;
  for (std::size_t i = 0; i < wanted_.n_candidates(); ++i) begun.push_back(part_names(wanted_, i).front());
  checkpoints_.check_any(begun);
  if (groups_.count > 1) fit_in_groups();
  world_.comm.together([&] {
    if (groups_.mine != 0) return;
    Selection selection = choose();
    write(std::move(selection));
  });
}

}  // namespace gmmpi::app
