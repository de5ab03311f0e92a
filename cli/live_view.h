#ifndef REKINDLE_CLI_LIVE_VIEW_H_
#define REKINDLE_CLI_LIVE_VIEW_H_

#include <ostream>
#include <string>
#include <vector>

namespace rekindle::cli {

// Lines at the bottom of a terminal that are drawn over in place. Does nothing when disabled.
// Threads: one at a time.
class LiveView {
 public:
  LiveView(std::ostream& out, bool enabled) : out_(out), enabled_(enabled) {}

  bool enabled() const { return enabled_; }

  // Replaces what is drawn. No line may be wider than the terminal.
  void Draw(const std::vector<std::string>& lines) {
    if (!enabled_ || lines == drawn_) return;
    Clear();
    for (const std::string& line : lines) out_ << line << "\n";
    out_.flush();
    drawn_ = lines;
  }

  // Takes the lines away; the cursor is where they began.
  void Clear() {
    if (drawn_.empty()) return;
    out_ << "\x1b[" << drawn_.size() << "A\r\x1b[J";
    out_.flush();
    drawn_.clear();
  }

 private:
  std::ostream& out_;
  const bool enabled_;
  std::vector<std::string> drawn_;
};

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_LIVE_VIEW_H_
