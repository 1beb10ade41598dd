// Asks the memory for what is needed next while something else is computed.
#pragma once

#include <cstdint>

namespace gmmpi {

/// Memory that is fetched into second-level cache a piece at a time. May lie anywhere: a hint cannot fail.
class ReadAhead {
 public:
  ReadAhead() = default;
  /// `n_bytes` at `begin`, in `n_pieces` pieces.
  ReadAhead(const void* begin, std::int64_t n_bytes, std::int64_t n_pieces)
      : next_(static_cast<const char*>(begin)),
        end_(next_ + n_bytes),
        piece_((n_bytes / n_pieces + kLine) / kLine * kLine) {}

  void fetch_piece() {
    for (const char* stop = next_ + piece_; next_ < stop && next_ < end_; next_ += kLine)
      __builtin_prefetch(next_, 0, 2);
  }

 private:
  static constexpr std::int64_t kLine = 64;
  const char* next_ = nullptr;
  const char* end_ = nullptr;
  std::int64_t piece_ = 0;
};

}  // namespace gmmpi
