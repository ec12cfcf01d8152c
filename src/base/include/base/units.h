// Strong units: a figure says what it is, and 3 watts cannot be stored as joules. A quantity is a double of its SI
// unit; named conversions only. Integers that are counts (bytes, tokens) stay integers with the unit in their name.
#pragma once

#include <compare>

namespace nw {

template <class Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}
  [[nodiscard]] constexpr double value() const { return value_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator+(Quantity o) const { return Quantity(value_ + o.value_); }
  constexpr Quantity operator-(Quantity o) const { return Quantity(value_ - o.value_); }
  constexpr Quantity operator*(double k) const { return Quantity(value_ * k); }
  constexpr Quantity operator/(double k) const { return Quantity(value_ / k); }
  constexpr double operator/(Quantity o) const { return value_ / o.value_; }

 private:
  double value_ = 0;
};

using Seconds = Quantity<struct SecondsTag>;
using CpuSeconds = Quantity<struct CpuSecondsTag>;  // CPU time of threads; one core for one second is 1
using Cores = Quantity<struct CoresTag>;            // CPU seconds per second
using Watts = Quantity<struct WattsTag>;
using Joules = Quantity<struct JoulesTag>;

constexpr Cores operator/(CpuSeconds c, Seconds s) { return Cores(c.value() / s.value()); }
constexpr CpuSeconds operator*(Cores c, Seconds s) { return CpuSeconds(c.value() * s.value()); }
constexpr Watts operator/(Joules j, Seconds s) { return Watts(j.value() / s.value()); }
constexpr Joules operator*(Watts w, Seconds s) { return Joules(w.value() * s.value()); }

constexpr double kSecondsPerDay = 86'400;
constexpr double kSecondsPerHour = 3'600;

}  // namespace nw
