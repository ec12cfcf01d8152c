// Time. All measuring uses the monotonic clock in integer nanoseconds; the wall clock only labels.
#pragma once

#include <chrono>
#include <cstdint>

namespace nw {

// Nanoseconds of CLOCK_MONOTONIC of one boot. Not comparable between boots or machines: a run stores its boot id and
// the offset to the wall clock beside them.
struct Moment {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const Moment&) const = default;
  friend constexpr std::chrono::nanoseconds operator-(Moment a, Moment b) {
    return std::chrono::nanoseconds(a.ns - b.ns);
  }
  friend constexpr Moment operator+(Moment a, std::chrono::nanoseconds d) { return {a.ns + d.count()}; }
};

constexpr double to_seconds(std::chrono::nanoseconds d) { return static_cast<double>(d.count()) * 1e-9; }
constexpr std::chrono::nanoseconds from_seconds(double s) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(s * 1e9));
}

// The port. The real one is os::SystemClock; tests drive a ManualClock. Any thread may call it.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Moment now() const = 0;
  // Nanoseconds since 1970-01-01 UTC.
  [[nodiscard]] virtual std::int64_t wall_ns() const = 0;
};

class ManualClock : public Clock {
 public:
  [[nodiscard]] Moment now() const override { return now_; }
  [[nodiscard]] std::int64_t wall_ns() const override { return wall_ns_; }
  void advance(std::chrono::nanoseconds d) { now_ = now_ + d, wall_ns_ += d.count(); }

 private:
  Moment now_{1'000'000'000};
  std::int64_t wall_ns_ = 1'700'000'000'000'000'000;
};

}  // namespace nw
