#ifndef REKINDLE_CLI_OUTPUT_H_
#define REKINDLE_CLI_OUTPUT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <google/protobuf/message.h>

#include "common/json/json_fwd.h"

namespace rekindle::cli {

enum class Format { kTable, kWide, kJson, kYaml };

// The message as JSON by protobuf's own mapping (camelCase names, enums by name, durations as
// "1.5s"), fields with their zero value included. `compact`: on one line. Ends with a line break.
std::string ToJson(const google::protobuf::Message& message, bool compact);

// The same tree as YAML. Ends with a line break.
std::string ToYaml(const google::protobuf::Message& message);

// An object of the API in the same forms.
std::string ToJson(const Json& tree, bool compact);
std::string ToYaml(const Json& tree);

enum class Color { kNone, kGreen, kYellow, kRed, kBold };

// `text` in `color`, for a terminal; unchanged when `enabled` is false.
std::string Colored(absl::string_view text, Color color, bool enabled);

// Left-aligned columns, two spaces apart. Cells are made printable; empty ones show as "-".
class Table {
 public:
  struct Cell {
    Cell(std::string value, Color shade = Color::kNone)  // NOLINT(google-explicit-constructor)
        : text(std::move(value)), color(shade) {}
    std::string text;
    Color color;
  };

  explicit Table(std::vector<std::string> header);
  void AddRow(std::vector<Cell> row);
  std::string Render(bool colors) const;
  // The rows from `first` on, without the header, as wide as all of them are: for rows that come
  // after others have been shown.
  std::string RenderRows(size_t first, bool colors) const;
  size_t rows() const { return rows_.size() - 1; }

 private:
  std::string RenderFrom(size_t first, bool colors) const;

  std::vector<std::vector<Cell>> rows_;
};

// "name:   value" lines with aligned values.
class Sheet {
 public:
  explicit Sheet(bool colors) : colors_(colors) {}
  // The value is made printable; an empty one is left out.
  void Add(absl::string_view name, absl::string_view value, Color color = Color::kNone);
  std::string Take() { return std::move(out_); }

 private:
  const bool colors_;
  std::string out_;
};

// Time since `then`, as people say it: "5s", "3m12s", "2h5m", "4d3h". Negative counts as zero.
std::string AgeText(absl::Duration age);

// A span as measured: "140 ms", "1.3 s", "2m5s".
std::string SpanText(absl::Duration span);

// All pure. Threads: any.

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_OUTPUT_H_
