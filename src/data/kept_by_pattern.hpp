// What is made for a pattern of missing columns, kept as long as it fits.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "data/patterns.hpp"

namespace gmmpi {

/// Beyond a limit of memory a value is made again each time it is wanted, and is the same again. Shared by
/// all threads. Whoever holds a value keeps it alive.
template <class T>
class KeptByPattern {
 public:
  /// Of one pass over the data.
  static constexpr std::int64_t kMostBytes = std::int64_t{48} << 20;

  /// make(): a shared_ptr to the value; size_of(value): bytes, about.
  template <class Make, class Size>
  std::shared_ptr<const T> of(const Pattern& pattern, Make make, Size size_of) {
    {
      const std::scoped_lock lock(mutex_);
      if (const auto known = known_.find(pattern.key); known != known_.end()) return known->second;
    }
    std::shared_ptr<const T> made = make();
    const std::int64_t bytes = size_of(*made);
    const std::scoped_lock lock(mutex_);
    if (bytes_ + bytes <= kMostBytes && known_.try_emplace(pattern.key, made).second) bytes_ += bytes;
    return made;
  }

 private:
  std::mutex mutex_;  ///< of what follows
  std::unordered_map<std::string, std::shared_ptr<const T>> known_;
  std::int64_t bytes_ = 0;
};

}  // namespace gmmpi
