// A run as text, every member of every record in it and every bit of it, to compare two runs and to see where they
// differ. The structured bindings name all members: a new member in model/ does not compile here until it is written,
// and the round-trip test then fails until the store keeps it.
#pragma once

#include <fmt/format.h>

#include <bit>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/run_data.h"

namespace nw::store::testing {

class RunText {
 public:
  static std::string of(const model::Run& run) {
    RunText text;
    text.add("run", run);
    return std::move(text.out_);
  }

 private:
  void leaf(std::string_view value) { out_ += fmt::format("{}={}\n", path_, value); }
  template <class T>
  void add(std::string_view name, const T& value) {
    const auto before = path_.size();
    path_.append(".").append(name);
    put(value);
    path_.resize(before);
  }

  void put(const std::string& value) {
    std::string hex;
    for (const char c : value) hex += c >= ' ' && c < 0x7F ? std::string(1, c) : fmt::format("<{:02x}>", c & 0xFF);
    leaf(hex);
  }
  template <std::integral T>
  void put(T value) {
    leaf(fmt::format("{}", value));
  }
  void put(double value) { leaf(fmt::format("{:016x} {}", std::bit_cast<std::uint64_t>(value), value)); }
  void put(Moment value) { leaf(fmt::format("{} ns", value.ns)); }
  template <class E>
    requires std::is_enum_v<E>
  void put(E value) {
    leaf(to_string(value));
  }
  template <class T>
  void put(const std::optional<T>& value) {
    value ? add("value", *value) : leaf("none");
  }
  template <class T>
  void put(const std::vector<T>& values) {
    leaf(fmt::format("{} of them", values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) add(fmt::format("{}", i), values[i]);
  }
  void put(const std::map<std::string, std::string>& values) {
    leaf(fmt::format("{} of them", values.size()));
    for (const auto& [name, value] : values) add("name", name), add("value", value);
  }

  template <class... T>
  void all(const T&... members) {
    int index = 0;
    (add(fmt::format("{}", index++), members), ...);
  }
  void put(const model::Test& r) {
    const auto& [a, b, c, d] = r;
    all(a, b, c, d);
  }
  void put(const model::Workload& r) {
    const auto& [a, b, c, d] = r;
    all(a, b, c, d);
  }
  void put(const model::Rounds& r) {
    const auto& [a, b, c, d, e, f] = r;
    all(a, b, c, d, e, f);
  }
  void put(const model::BackendSpec& r) {
    const auto& [a, b, c, d, e, f, g, h, i, j] = r;
    all(a, b, c, d, e, f, g, h, i, j);
  }
  void put(const model::Campaign& r) {
    const auto& [a, b, c, d, e, f] = r;
    all(a, b, c, d, e, f);
  }
  void put(const model::Machine& r) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = r;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m);
  }
  void put(const model::ModelRecord& r) {
    const auto& [a, b, c, d, e, f, g] = r;
    all(a, b, c, d, e, f, g);
  }
  void put(const model::BackendRecord& r) {
    const auto& [a, b, c] = r;
    all(a, b, c);
  }
  void put(const model::Session& r) {
    const auto& [a, b, c, d, e, f, g, h] = r;
    all(a, b, c, d, e, f, g, h);
  }
  void put(const model::ThreadSample& r) {
    const auto& [a, b, c, d, e, f, g] = r;
    all(a, b, c, d, e, f, g);
  }
  void put(const model::ProcessSample& r) {
    const auto& [a, b, c, d, e, f, g, h] = r;
    all(a, b, c, d, e, f, g, h);
  }
  void put(const model::MachineSample& r) {
    const auto& [a, b, c, d, e, f] = r;
    all(a, b, c, d, e, f);
  }
  void put(const model::Request& r) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = r;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  }
  void put(const model::Trial& r) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l] = r;
    all(a, b, c, d, e, f, g, h, i, j, k, l);
  }
  void put(const model::Restart& r) {
    const auto& [a, b, c, d, e, f, g, h, i, j] = r;
    all(a, b, c, d, e, f, g, h, i, j);
  }
  void put(const model::Run& r) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k] = r;
    all(a, b, c, d, e, f, g, h, i, j, k);
  }

  std::string path_;
  std::string out_;
};

}  // namespace nw::store::testing
