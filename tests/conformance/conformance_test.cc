// The cases against a real kube-apiserver.
#include "tests/conformance/control_plane.h"
#include "tests/conformance/suite.h"

int main(int argc, char** argv) {
  using rekindle::conformance::ControlPlane;
  std::unique_ptr<ControlPlane> plane;
  return rekindle::conformance::SuiteMain(
      argc, argv, [&]() -> absl::StatusOr<rekindle::conformance::Endpoint> {
        absl::StatusOr<std::unique_ptr<ControlPlane>> started = ControlPlane::Start();
        if (!started.ok()) return started.status();
        plane = *std::move(started);
        return plane->endpoint();
      });
}
