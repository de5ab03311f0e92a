// Lists, watches and Status bodies from a server: no crash, no exception; the frames of a stream do
// not depend on how it is cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "common/api/status.h"
#include "common/client/decode.h"

namespace {

using rekindle::client::Decoder;

class TextDecoder final : public Decoder {
 public:
  absl::StatusOr<Record> Decode(absl::string_view object) override {
    // Always the text of one object.
    if (object.empty() || object.front() != '{' || object.back() != '}') std::abort();
    return Record(std::make_shared<const std::string>(object));
  }
};

std::vector<std::string> Frames(const std::string& text, size_t chunk) {
  rekindle::client::FrameSplitter splitter(1 << 20);
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size(); at += chunk) {
    const absl::Status fed = splitter.Feed(text.substr(at, chunk), [&](absl::string_view frame) {
      out.emplace_back(frame);
      return absl::OkStatus();
    });
    if (!fed.ok()) std::abort();
  }
  out.push_back(splitter.rest());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  TextDecoder decoder;
  const auto page = rekindle::client::DecodeListPage(text, decoder);
  if (page.ok()) {
    for (const auto& item : page->items) {
      if (item.meta.key.name.empty() || item.record == nullptr) std::abort();
    }
  } else if (!absl::IsInvalidArgument(page.status())) {
    std::abort();
  }
  const std::vector<std::string> whole = Frames(text, text.size() + 1);
  if (Frames(text, 3) != whole) std::abort();
  for (const std::string& frame : whole) {
    const auto event = rekindle::client::DecodeWatchEvent(frame, decoder);
    if (!event.ok() && !absl::IsInvalidArgument(event.status())) std::abort();
  }
  for (const int code : {400, 409, 410, 422, 500, 503}) {
    const auto error = rekindle::api::ErrorFromResponse(code, text, "get", {});
    const absl::Status status = rekindle::api::ToStatus(error);
    if (status.ok() || !rekindle::api::FromStatus(status).has_value()) std::abort();
  }
  return 0;
}
