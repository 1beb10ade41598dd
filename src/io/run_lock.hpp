// A lock file that names its holder, and outlives neither a killed process nor a dead host for long.
#pragma once

#include <string>

namespace gmmpi {

/// The file holds host, process id and the process's start time. A holder on this host that no longer runs
/// has lost it at once; one elsewhere when the file has not been touched for 45 s (holders touch it every few
/// seconds).
class RunLock {
 public:
  /// Waits up to a minute. Error 73 naming the holder; 73, 74 or 77 if the file cannot be created.
  explicit RunLock(std::string path);
  /// The lock that another process of the same run has taken, for `check` and `refresh`; `text` is its
  /// text().
  RunLock(std::string path, std::string text) : path_(std::move(path)), text_(std::move(text)) {}
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  const std::string& text() const { return text_; }
  void refresh() const;
  /// LockLost if another run has taken the lock.
  void check() const;

 private:
  bool try_create();
  std::string path_, text_;
  bool taken_here_ = false;
};

/// Who holds the lock file, and lives as far as can be told: "process 12 on node7"; empty if nobody.
std::string holder_of(const std::string& path);

}  // namespace gmmpi
