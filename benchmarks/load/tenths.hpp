#pragma once

#include "benchmarks/load/clock.hpp"

#include <cstdint>
#include <vector>

namespace load {

/// The rate in each tenth of a run, for seeing whether it stays what it was.
class tenths {
 public:
  tenths(time_point begin, const budget& whole) : whole_(whole) { marks_.push_back({begin, 0}); }

  /// So many messages are done by `now`. Cheap: to be called with each read.
  void note(time_point now, std::uint64_t done) {
    while (marks_.size() < 10 && passed(now, done)) mark(now, done);
  }
  /// The run is over.
  void end(time_point now, std::uint64_t done) { marks_.push_back({now, done}); }

  /// Messages a second, in order. Fewer than ten when several tenths were done in one read.
  std::vector<double> rates() const {
    std::vector<double> all;
    for (std::size_t i = 1; i < marks_.size(); ++i) {
      const auto time = seconds_in(marks_[i].at - marks_[i - 1].at);
      if (time > 0) all.push_back(static_cast<double>(marks_[i].done - marks_[i - 1].done) / time);
    }
    return all;
  }

 private:
  struct milestone {
    time_point at;
    std::uint64_t done;
  };

  time_point boundary() const {
    return marks_.front().at + whole_.time / 10 * static_cast<int>(marks_.size());
  }
  bool passed(time_point now, std::uint64_t done) const {
    return whole_.timed() ? now >= boundary() : done >= whole_.messages / 10 * marks_.size();
  }
  // A tenth of the time ends when it ends, also when nothing came for longer than that.
  void mark(time_point now, std::uint64_t done) {
    marks_.push_back({whole_.timed() ? boundary() : now, done});
  }

  budget whole_;
  std::vector<milestone> marks_;
};

}  // namespace load
