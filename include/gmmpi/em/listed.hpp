// Plain structs that list their members by name, so that one table writes and reads them.
#pragma once

#include <any>
#include <concepts>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace gmmpi {

struct Mixture;
struct Reseed;
enum class FitPhase : int;

/// A member of a state: its place in a checkpoint, and in memory. What is read goes where what is written
/// comes from.
struct StateField {
  using Place = std::variant<bool*, int*, std::int64_t*, double*, std::vector<double>*,
                             std::vector<std::vector<double>>*,  ///< of one length: the rows of a table
                             std::vector<Reseed>*, FitPhase*, Mixture*>;
  std::string group,
      name;  ///< of a mixture the group alone: its arrays have names; left out without components
  Place place;
};

/// An option of an engine: `name` in files and digests, with dashes on the command line.
struct OptionField {
  using Place = std::variant<int*,                     ///< a whole number, at least 1 where it is given
                             std::optional<double>*>;  ///< a number; none: `auto`
  std::string name, metavar, help;
  Place place;
};

/// A copyable value of any type that has `std::vector<Field> fields()`, or none.
template <class Field>
class Listed {
 public:
  Listed() = default;
  template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, Listed>) Listed(T value)
      : value_(std::move(value)), fields_([](std::any& any) { return std::any_cast<T&>(any).fields(); }) {}

  bool has_value() const { return value_.has_value(); }
  bool is_of_type_of(const Listed& other) const { return value_.type() == other.value_.type(); }
  /// Their places are in this value, and end with it.
  std::vector<Field> fields() { return fields_ ? fields_(value_) : std::vector<Field>(); }
  /// Null if it is of another type.
  template <class T>
  const T* find() const {
    return std::any_cast<T>(&value_);
  }
  /// Throws std::logic_error if it is of another type.
  template <class T>
  T& as() {
    if (T* found = std::any_cast<T>(&value_)) return *found;
    throw std::logic_error("a value of another type");
  }

 private:
  std::any value_;
  std::vector<Field> (*fields_)(std::any&) = nullptr;
};

}  // namespace gmmpi
