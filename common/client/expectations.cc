#include "common/client/expectations.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace rekindle::client {
namespace {

bool IsDecimal(absl::string_view text) {
  return !text.empty() && text[0] != '0' && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

}  // namespace

bool ReachedVersion(absl::string_view seen, absl::string_view wanted) {
  if (seen == wanted) return true;
  if (!IsDecimal(seen) || !IsDecimal(wanted)) return false;
  // Without leading zeros the longer number is the greater one.
  return seen.size() != wanted.size() ? seen.size() > wanted.size() : seen > wanted;
}

void Expectations::ExpectCreation(const ObjectKey& owner, const ObjectKey& object,
                                  absl::Duration now) {
  owners_[owner].creations[object] = now;
}

void Expectations::ExpectDeletion(const ObjectKey& owner, const std::string& uid,
                                  absl::Duration now) {
  owners_[owner].deletions[uid] = now;
}

void Expectations::ExpectVersion(const ObjectKey& owner, const std::string& uid,
                                 const std::string& version, absl::Duration now) {
  Version& expected = owners_[owner].versions[uid];
  // Answers may arrive in another order than the writes.
  if (!expected.version.empty() && ReachedVersion(expected.version, version)) return;
  expected = {version, now};
}

void Expectations::DropIfEmpty(const ObjectKey& owner) {
  const auto found = owners_.find(owner);
  if (found != owners_.end() && found->second.empty()) owners_.erase(found);
}

void Expectations::CreationFailed(const ObjectKey& owner, const ObjectKey& object) {
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return;
  found->second.creations.erase(object);
  DropIfEmpty(owner);
}

void Expectations::DeletionFailed(const ObjectKey& owner, const std::string& uid) {
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return;
  found->second.deletions.erase(uid);
  DropIfEmpty(owner);
}

void Expectations::Seen(const ObjectKey& owner, const ObjectKey& object, const std::string& uid,
                        const std::string& version, bool terminating) {
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return;
  Expected& expected = found->second;
  expected.creations.erase(object);
  if (terminating) expected.deletions.erase(uid);
  const auto change = expected.versions.find(uid);
  if (change != expected.versions.end() && ReachedVersion(version, change->second.version)) {
    expected.versions.erase(change);
  }
  DropIfEmpty(owner);
}

void Expectations::Gone(const ObjectKey& owner, const std::string& uid) {
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return;
  found->second.deletions.erase(uid);
  found->second.versions.erase(uid);
  DropIfEmpty(owner);
}

std::optional<Expectations::Pending> Expectations::Outstanding(const ObjectKey& owner,
                                                               absl::Duration now) {
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return std::nullopt;
  Expected& expected = found->second;
  const auto late = [&](absl::Duration since) { return now - since >= expiry_; };
  expired_ += std::erase_if(expected.creations, [&](const auto& e) { return late(e.second); });
  expired_ += std::erase_if(expected.deletions, [&](const auto& e) { return late(e.second); });
  expired_ += std::erase_if(expected.versions, [&](const auto& e) { return late(e.second.since); });
  std::optional<Pending> oldest;
  const auto consider = [&](absl::Duration since, std::string what) {
    if (oldest.has_value() && oldest->since <= since) return;
    oldest = {.what = std::move(what), .since = since, .until = since + expiry_};
  };
  for (const auto& [key, since] : expected.creations) {
    consider(since, absl::StrCat("creation of ", key.Text()));
  }
  for (const auto& [uid, since] : expected.deletions) {
    consider(since, absl::StrCat("deletion of the object with UID ", uid));
  }
  for (const auto& [uid, version] : expected.versions) {
    consider(version.since,
             absl::StrCat("version ", version.version, " of the object with UID ", uid));
  }
  if (!oldest.has_value()) owners_.erase(found);
  return oldest;
}

}  // namespace rekindle::client
