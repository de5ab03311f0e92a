// Lists, watches and Status bodies from a server: no crash, no exception; neither the objects of a
// list nor the frames of a stream depend on how it is cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "common/api/status.h"
#include "common/client/decode.h"
#include "common/client/list_reader.h"

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

absl::StatusOr<rekindle::client::ListPage> Page(const std::string& text, size_t chunk) {
  constexpr size_t kMost = 1 << 20;
  TextDecoder decoder;
  rekindle::client::ListReader reader(decoder, kMost);
  for (size_t at = 0; at < text.size(); at += chunk) {
    const absl::Status fed = reader.Feed(text.substr(at, chunk));
    if (!fed.ok()) return fed;
  }
  return reader.Finish();
}

std::string TextOf(const rekindle::client::Item& item) {
  return *static_cast<const std::string*>(item.record.get());
}

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
  const auto page = Page(text, text.size() + 1);
  const auto again = Page(text, 3);
  if (page.ok() != again.ok()) std::abort();
  if (page.ok()) {
    if (page->items.size() != again->items.size()) std::abort();
    for (size_t i = 0; i < page->items.size(); ++i) {
      const auto& item = page->items[i];
      if (item.meta.key.name.empty() || item.record == nullptr) std::abort();
      if (TextOf(item) != TextOf(again->items[i])) std::abort();
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
