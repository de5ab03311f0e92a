#include "controller/fleet/connect_line.h"

#include <algorithm>
#include <utility>

namespace rekindle::fleet {

void ConnectLine::Add(const std::string& node, bool again) {
  if (!places_.try_emplace(node, again ? Place::kAgain : Place::kFirst).second) return;
  (again ? again_ : first_).push_back(node);
}

void ConnectLine::Remove(const std::string& node) {
  const auto it = places_.find(node);
  if (it == places_.end()) return;
  switch (it->second) {
    case Place::kFirst:
      first_.erase(std::find(first_.begin(), first_.end(), node));
      break;
    case Place::kAgain:
      again_.erase(std::find(again_.begin(), again_.end(), node));
      break;
    case Place::kConnectingAgain:
      --connecting_again_;
      --connecting_;
      break;
    case Place::kConnectingFirst:
      --connecting_;
      break;
    case Place::kSlow:
      --slow_;
      break;
  }
  places_.erase(it);
}

void ConnectLine::Slow(const std::string& node) {
  const auto it = places_.find(node);
  if (it == places_.end() || slow_ >= kSlowFactor * most_) return;
  if (it->second != Place::kConnectingFirst && it->second != Place::kConnectingAgain) return;
  if (it->second == Place::kConnectingAgain) --connecting_again_;
  --connecting_;
  ++slow_;
  it->second = Place::kSlow;
}

std::optional<std::string> ConnectLine::Next() {
  if (connecting_ >= most_) return std::nullopt;
  if (!first_.empty()) {
    ++connecting_;
    std::string node = std::move(first_.front());
    first_.pop_front();
    places_[node] = Place::kConnectingFirst;
    return node;
  }
  if (again_.empty() || connecting_again_ >= std::max<size_t>(1, most_ / 2)) return std::nullopt;
  ++connecting_;
  ++connecting_again_;
  std::string node = std::move(again_.front());
  again_.pop_front();
  places_[node] = Place::kConnectingAgain;
  return node;
}

}  // namespace rekindle::fleet
