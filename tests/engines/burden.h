// What a loaded engine does to its machine while nobody asks it anything: the threads and processes of a known kind
// that the tests of nightwatt look for.
#pragma once

#include <sys/types.h>

#include <atomic>

#include "options.h"

namespace nw::fake {

class Burden {
 public:
  explicit Burden(const Options& options) : options_(options) {}

  // Processes that outlive this one. Call it while there is one thread only. False if fork(2) refused.
  [[nodiscard]] bool start_processes();
  // The model is in memory: --spin, --nap and --threads begin.
  void loaded();
  // A request came: --spin-after-first begins, with the first one.
  void asked();
  // The model was unloaded: whatever spins because of it stops, until asked() or loaded().
  void unloaded();

 private:
  void add_spinner(std::atomic<bool>& on);

  const Options& options_;
  std::atomic<bool> spin_ = false;
  std::atomic<bool> spin_after_first_ = false;
  std::atomic<bool> has_threads_ = false;
  std::atomic<bool> has_late_spinner_ = false;
};

}  // namespace nw::fake
