// The configuration file: whatever the bytes, ReadYaml returns a status or a configuration that
// prints and reads back as itself.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

#include "daemon/config/config.h"
#include "daemon/config/yaml_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rekindle::config::DaemonConfig;
  using rekindle::config::Origins;
  DaemonConfig config;
  config.node_name = "node";
  Origins origins;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (!rekindle::config::ReadYaml(text, "fuzz.yaml", config, origins).ok()) return 0;
  rekindle::config::Validate(config, origins).IgnoreError();
  DaemonConfig again;
  Origins again_origins;
  const std::string printed = rekindle::config::EffectiveConfigYaml(config);
  const absl::Status status =
      rekindle::config::ReadYaml(printed, "printed.yaml", again, again_origins);
  if (!status.ok() || !(again == config)) __builtin_trap();
  return 0;
}
