#ifndef REKINDLE_CONTROLLER_PLAN_BOXED_H_
#define REKINDLE_CONTROLLER_PLAN_BOXED_H_

#include <memory>
#include <utility>

namespace rekindle::plan {

// An optional value on the heap, for large values that are rarely there: plans hold 100,000
// actions, most of them without one. Copies copy the value. Used like std::optional.
template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT: as std::optional
  Boxed(const Boxed& other) : value_(other ? std::make_unique<T>(*other) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(Boxed other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }

  bool has_value() const { return value_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }
  T& emplace() {
    value_ = std::make_unique<T>();
    return *value_;
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_BOXED_H_
