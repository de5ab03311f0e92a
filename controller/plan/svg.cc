#include "controller/plan/svg.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace rekindle::plan {
namespace {

constexpr int kLeft = 60;
constexpr int kTop = 50;
constexpr int kWidth = 800;
constexpr int kHeight = 300;
constexpr int kTicks = 5;

std::string Escape(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

class Chart {
 public:
  explicit Chart(const Timeline& timeline) : t_(timeline) {
    for (const Sample& s : t_.samples) top_ = std::max(top_, s.total);
    seconds_ = std::max<int64_t>(1, t_.seconds);
  }

  int X(int64_t second) const {
    return kLeft + static_cast<int>(std::lround(static_cast<double>(second) * kWidth /
                                                static_cast<double>(seconds_)));
  }
  int Y(int64_t pods) const {
    return kTop + kHeight -
           static_cast<int>(
               std::lround(static_cast<double>(pods) * kHeight / static_cast<double>(top_)));
  }

  // A staircase: a value holds until the next sample.
  std::string Line(int64_t Sample::*field, const char* color) const {
    std::string points;
    int64_t last = -1;
    for (const Sample& s : t_.samples) {
      if (last >= 0) absl::StrAppend(&points, X(s.second), ",", Y(last), " ");
      last = s.*field;
      absl::StrAppend(&points, X(s.second), ",", Y(last), " ");
    }
    if (last >= 0) absl::StrAppend(&points, X(seconds_), ",", Y(last));
    return absl::StrCat("<polyline fill=\"none\" stroke=\"", color,
                        "\" stroke-width=\"2\" points=\"", points, "\"/>\n");
  }

  std::string Axes() const {
    std::string out = absl::StrCat("<rect x=\"", kLeft, "\" y=\"", kTop, "\" width=\"", kWidth,
                                   "\" height=\"", kHeight, "\" fill=\"none\" stroke=\"#999\"/>\n");
    for (int i = 0; i <= kTicks; ++i) {
      const int64_t second = seconds_ * i / kTicks;
      const int64_t pods = top_ * i / kTicks;
      absl::StrAppend(&out, "<text x=\"", X(second), "\" y=\"", kTop + kHeight + 18,
                      "\" text-anchor=\"middle\">", second, " s</text>\n");
      absl::StrAppend(&out, "<text x=\"", kLeft - 8, "\" y=\"", Y(pods) + 4,
                      "\" text-anchor=\"end\">", pods, "</text>\n");
    }
    return out;
  }

  std::string Marks() const {
    std::set<int64_t> seconds;
    for (const TimelineEvent& event : t_.events) seconds.insert(event.second);
    std::string out;
    for (const int64_t second : seconds) {
      absl::StrAppend(&out, "<line x1=\"", X(second), "\" x2=\"", X(second), "\" y1=\"",
                      kTop + kHeight, "\" y2=\"", kTop + kHeight + 5, "\" stroke=\"#444\"/>\n");
    }
    return out;
  }

 private:
  const Timeline& t_;
  int64_t top_ = 1;
  int64_t seconds_ = 1;
};

}  // namespace

std::string TimelineSvg(const Timeline& timeline, const std::string& title) {
  const Chart chart(timeline);
  std::string out = absl::StrCat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", kLeft + kWidth + 40, "\" height=\"",
      kTop + kHeight + 60, "\" font-family=\"sans-serif\" font-size=\"12\">\n",
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n", "<text x=\"", kLeft,
      "\" y=\"20\" font-size=\"14\">", Escape(title), "</text>\n");
  absl::StrAppend(&out, "<text x=\"", kLeft, "\" y=\"38\">", timeline.seconds,
                  " s, lowest availability ", timeline.lowest_available, ", ", timeline.restarts,
                  " restarts, ", timeline.created, " created, ", timeline.deleted, " deleted",
                  timeline.Finished()                  ? ""
                  : timeline.ending == Ending::kAtRest ? ", at rest as asked"
                                                       : ", NOT FINISHED",
                  "</text>\n");
  absl::StrAppend(&out, chart.Axes(), chart.Line(&Sample::total, "#bbbbbb"),
                  chart.Line(&Sample::available, "#2a7d2a"),
                  chart.Line(&Sample::updated, "#1f5fa8"), chart.Marks());
  constexpr const char* kLegend[][2] = {
      {"#bbbbbb", "pods"}, {"#2a7d2a", "available"}, {"#1f5fa8", "updated"}};
  int x = kLeft;
  for (const auto& [color, name] : kLegend) {
    absl::StrAppend(&out, "<rect x=\"", x, "\" y=\"", kTop + kHeight + 32,
                    "\" width=\"12\" height=\"12\" fill=\"", color, "\"/><text x=\"", x + 18,
                    "\" y=\"", kTop + kHeight + 43, "\">", name, "</text>\n");
    x += 110;
  }
  return out + "</svg>\n";
}

}  // namespace rekindle::plan
