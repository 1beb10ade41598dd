// RunLock: taking, refreshing, and telling the dead from the living.
#include "io/run_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "gmmpi/error.hpp"
#include "gmmpi/io/checkpoint_store.hpp"
#include "io/atomic_file.hpp"

namespace gmmpi {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kSilence = std::chrono::seconds(45);
constexpr auto kPause = std::chrono::milliseconds(250);

std::string host_name() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return host.data();
}

/// Field 22 of /proc/PID/stat: distinguishes a process from a later one of the same id. Empty if it does not
/// run.
std::string start_time(long pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(stat, line)) return "";
  std::istringstream rest(line.substr(line.rfind(')') + 1));
  std::string word, state;
  rest >> state;
  for (int field = 4; field <= 22; ++field) rest >> word;
  return state == "Z" || state == "X" ? "" : word;
}

struct Holder {
  std::string host, started;
  long pid = 0;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Holder parse(const std::string& text) {
  Holder holder;
  std::istringstream(text) >> holder.host >> holder.pid >> holder.started;
  return holder;
}

std::pair<std::int64_t, std::int64_t> touched(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

}  // namespace

bool RunLock::try_create() {
  // Written under another name and linked to its own, so that nobody ever sees it empty.
  const auto slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path_.substr(0, slash + 1);
  const std::string temporary = fmt::format("{}.{}.tmp.{}", folder, path_.substr(folder.size()), ::getpid());
  const auto failed = [&](int error) {
    const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
    const bool full = error == ENOSPC || error == EDQUOT || error == EIO;
    return Error(
        forbidden ? ExitCode::no_permission
        : full    ? ExitCode::io_failed
                  : ExitCode::cannot_create,
        fmt::format("{}: cannot be {} ({}): {}", path_, full ? "written" : "created", errno_text(error),
                    full ? "free space on that disk" : "give `checkpoint` a prefix where you may write"));
  };
  int error = 0;
  {
    const FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file) throw failed(errno);
    if (::write(file.get(), text_.data(), text_.size()) != std::ssize(text_)) error = errno ? errno : ENOSPC;
  }
  if (error == 0 && ::link(temporary.c_str(), path_.c_str()) != 0) error = errno;
  if (error == EPERM || error == EOPNOTSUPP || error == ENOSYS) {  // a file system without hard links
    const FileDescriptor file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    error = !file ? errno : ::write(file.get(), text_.data(), text_.size()) == std::ssize(text_) ? 0 : errno;
  }
  ::unlink(temporary.c_str());
  if (error != 0 && error != EEXIST) throw failed(error);
  return error == 0;
}

RunLock::RunLock(std::string path) : path_(std::move(path)) {
  text_ = fmt::format("{} {} {}\n", host_name(), ::getpid(), start_time(::getpid()));
  const auto begin = Clock::now();
  auto last_sign = begin;
  auto last_touched = touched(path_);
  std::string last_text = read_file(path_);
  for (;; std::this_thread::sleep_for(kPause)) {
    if ((taken_here_ = try_create())) return;
    const std::string text = read_file(path_);
    const auto now_touched = touched(path_);
    if (text != last_text || now_touched != last_touched) {
      last_sign = Clock::now();
      last_text = text;
      last_touched = now_touched;
    }
    const Holder holder = parse(text);
    const bool here = holder.host == host_name();
    const bool gone = here && start_time(holder.pid) != holder.started;
    if ((gone && !text.empty()) || Clock::now() - last_sign > kSilence) {
      // Of several newcomers one removes it, and the link lets one create it anew.
      if (read_file(path_) == text) ::unlink(path_.c_str());
      continue;
    }
    if (Clock::now() - begin > kPatience)
      throw Error(
          ExitCode::cannot_create,
          fmt::format(
              "{}: held by another run (process {} on {}): wait for it to end, or choose another `output` or "
              "`checkpoint`",
              path_, holder.pid, holder.host));
  }
}

std::string holder_of(const std::string& path) {
  const Holder holder = parse(read_file(path));
  if (holder.pid == 0) return "";
  const auto silent =
      std::chrono::system_clock::now().time_since_epoch() - std::chrono::seconds(touched(path).first);
  const bool lives =
      holder.host == host_name() ? start_time(holder.pid) == holder.started : silent <= kSilence;
  return lives ? fmt::format("process {} on {}", holder.pid, holder.host) : "";
}

RunLock::~RunLock() {
  if (taken_here_ && read_file(path_) == text_) ::unlink(path_.c_str());
}

void RunLock::refresh() const {
  ::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
}

void RunLock::check() const {
  const FileDescriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> text{};
  const ssize_t n = file ? ::pread(file.get(), text.data(), text.size(), 0) : -1;
  if (n < 0 && errno != ENOENT)  // says nothing of who holds it
    throw Error(ExitCode::io_failed,
                fmt::format("{}: cannot be read ({}): check the file system", path_, errno_text(errno)));
  if (n < 0 || std::string_view(text.data(), static_cast<std::size_t>(n)) != text_)
    throw LockLost(fmt::format("{}: another run has taken over; this one ends", path_));
}

}  // namespace gmmpi
