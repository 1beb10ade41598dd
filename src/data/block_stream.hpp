// One pass over blocks, of which some are in memory and a thread reads the others ahead of the work on them.
#pragma once

#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "data/reading.hpp"

namespace gmmpi {

/// The reading thread fills buffers in the order of the file; the working threads take blocks out of them and
/// give them back, and a buffer of which all blocks are back is filled again. While nothing is ready they get
/// blocks that are held in memory. Thread-safe, but for construction and destruction.
class BlockStream {
 public:
  struct Source {
    RowReaders readers;
    Index first = 0, held_end = 0, last = 0;  ///< blocks [first, held_end) are held, up to last they are read
    Index buffer_blocks = 1;                  ///< that a buffer has room for
    const BlockBuffer& held;
    std::span<BlockBuffer> buffers;
    BlockChoice choice = {};  ///< of all these; where it leaves blocks out, a buffer holds one
  };
  BlockStream(const Source& source, const StopRequest* stop);
  /// Waits for the reading of one buffer at most.
  ~BlockStream();
  BlockStream(const BlockStream&) = delete;
  BlockStream& operator=(const BlockStream&) = delete;

  /// The next block to work on, waiting for it if need be; none at the end, or after a failure. Blocks before
  /// one that failed are still handed out, so that it is the first that counts.
  std::optional<Block> take();
  void give_back(Index block);
  /// The work on this block has failed. What was read before is handed out to the end.
  void fail(Index block, std::exception_ptr failure);
  /// Throws the failure of the first block that has one, of reading or of work.
  void rethrow() const;

 private:
  void read_all();
  /// Buffer number, counted through the pass, of a block that is read.
  Index turn(Index block) const {
    return (block - first_read_) / (source_.choice.step == 1 ? source_.buffer_blocks : source_.choice.step);
  }
  BlockBuffer& buffer(Index turn) const { return source_.buffers[turn % std::ssize(source_.buffers)]; }
  bool failed() const { return failure_ != nullptr; }

  const Source source_;
  const StopRequest* stop_;
  const Index first_read_;    ///< the first block that is chosen and not held
  mutable std::mutex mutex_;  ///< of everything below
  std::condition_variable filled_, emptied_;
  Index next_held_, next_read_;  ///< to be handed out
  Index read_end_;               ///< blocks before it have been read
  std::vector<Index> n_out_;     ///< per buffer: its blocks that are not back yet
  bool ended_ = false;           ///< the reading thread is to end
  Index failed_block_ = std::numeric_limits<Index>::max();
  std::exception_ptr failure_;
  std::thread reader_;
};

}  // namespace gmmpi
