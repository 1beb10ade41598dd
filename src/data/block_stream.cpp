// BlockStream: a ring of buffers between one reading and many working threads.
#include "data/block_stream.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "gmmpi/expect.hpp"

namespace gmmpi {

BlockStream::BlockStream(const Source& source, const StopRequest* stop)
    : source_(source),
      stop_(stop),
      first_read_(source.choice.from(source.held_end)),
      next_held_(source.choice.from(source.first)),
      next_read_(first_read_),
      read_end_(first_read_),
      n_out_(source.buffers.size()) {
  GMMPI_EXPECT(source.first <= source.held_end && source.held_end <= source.last);
  GMMPI_EXPECT(source.choice.rest >= 0 && source.choice.rest < source.choice.step);
  GMMPI_EXPECT(first_read_ >= source.last || (!source.buffers.empty() && source.buffer_blocks >= 1));
  if (first_read_ < source.last) reader_ = std::thread([this] { read_all(); });
}

BlockStream::~BlockStream() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  emptied_.notify_all();
  if (reader_.joinable()) reader_.join();
}

void BlockStream::read_all() {
  const BlockChoice& choice = source_.choice;
  for (Index first = first_read_; first < source_.last;) {
    const Index last = choice.step == 1 ? std::min(first + source_.buffer_blocks, source_.last) : first + 1;
    const std::size_t slot = turn(first) % n_out_.size();
    {
      std::unique_lock lock(mutex_);
      emptied_.wait(lock, [&] { return n_out_[slot] == 0 || ended_; });
      if (ended_) return;
    }
    try {
      buffer(turn(first)).read(source_.readers, first, last, stop_);
    } catch (...) {
      return fail(first, std::current_exception());
    }
    {
      const std::lock_guard lock(mutex_);
      n_out_[slot] = last - first;
      read_end_ = last;
    }
    first = choice.from(last);
    filled_.notify_all();
  }
}

std::optional<Block> BlockStream::take() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const Index end = std::min(read_end_, failed_block_);
    if (next_read_ < end) {
      const Index index = std::exchange(next_read_, next_read_ + source_.choice.step);
      return buffer(turn(index)).block(index);
    }
    if (next_held_ < std::min(source_.held_end, failed_block_))
      return source_.held.block(std::exchange(next_held_, next_held_ + source_.choice.step));
    if (failed() || next_read_ >= source_.last) return std::nullopt;
    filled_.wait(lock);
  }
}

void BlockStream::give_back(Index block) {
  if (block < source_.held_end) return;
  {
    const std::lock_guard lock(mutex_);
    Index& n_out = n_out_[turn(block) % n_out_.size()];
    GMMPI_EXPECT(n_out > 0);
    if (--n_out > 0) return;
  }
  emptied_.notify_one();
}

void BlockStream::fail(Index block, std::exception_ptr failure) {
  {
    const std::lock_guard lock(mutex_);
    if (block >= failed_block_) return;
    failed_block_ = block;
    failure_ = std::move(failure);
    ended_ = true;
  }
  filled_.notify_all();
  emptied_.notify_all();
}

void BlockStream::rethrow() const {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace gmmpi
