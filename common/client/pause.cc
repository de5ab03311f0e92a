#include "common/client/pause.h"

#include <memory>
#include <random>

namespace rekindle::client {

Random SystemRandom() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0.0, 1.0)(*engine); };
}

}  // namespace rekindle::client
