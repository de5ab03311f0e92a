#ifndef REKINDLE_COMMON_JSON_TREE_BUILDER_H_
#define REKINDLE_COMMON_JSON_TREE_BUILDER_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"

namespace rekindle::json {

// Builds a tree of what a parser of nlohmann tells; who inherits says what goes into it and when
// the parser is to stop. Threads: owned by one.
class TreeBuilder : public nlohmann::json_sax<Json> {
 public:
  bool null() final { return Put(nullptr); }
  bool boolean(bool value) final { return Put(value); }
  bool number_integer(number_integer_t value) final { return Put(value); }
  bool number_unsigned(number_unsigned_t value) final { return Put(value); }
  bool number_float(number_float_t value, const string_t&) final { return Put(value); }
  bool string(string_t& value) final { return Put(std::move(value)); }
  bool binary(binary_t&) final { return false; }
  bool start_object(std::size_t) final { return Open(Json::object()); }
  bool start_array(std::size_t) final { return Open(Json::array()); }
  bool end_object() final { return Close(); }
  bool end_array() final { return Close(); }

  // The tree, once.
  Json Take() { return std::move(root_); }

 protected:
  // A value without members; the beginning and the end of one with members. False stops the parser.
  virtual bool Put(Json value) = 0;
  virtual bool Open(Json value) = 0;
  virtual bool Close() = 0;

  // Puts a value into the innermost one that is open, under `key_` if that is an object; where none
  // is open it is the tree. Stays where it is while nothing beside it is placed.
  Json* Place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    Json& member = parent[key_];
    member = std::move(value);
    return &member;
  }

  // Only the innermost open value grows, so pointers to the outer ones stay.
  std::vector<Json*> open_;
  std::string key_;

 private:
  Json root_;
};

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_TREE_BUILDER_H_
