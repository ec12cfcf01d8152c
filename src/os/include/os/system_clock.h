// The real clock: CLOCK_MONOTONIC and CLOCK_REALTIME. A read costs tens of nanoseconds (vdso).
#pragma once

#include "base/clock.h"

namespace nw::os {

class SystemClock : public Clock {
 public:
  [[nodiscard]] Moment now() const override;
  [[nodiscard]] std::int64_t wall_ns() const override;
};

}  // namespace nw::os
