#ifndef REKINDLE_TESTS_CONTROLLER_APISERVER_STORE_STORE_TESTING_H_
#define REKINDLE_TESTS_CONTROLLER_APISERVER_STORE_STORE_TESTING_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

#include "common/base/sync.h"
#include "controller/apiserver/store/sqlite_store.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::apiserver {

inline constexpr absl::Duration kTestLimit = absl::Seconds(30);

// A clock that moves when it is told to.
class HandClock {
 public:
  absl::Duration Now() const { return absl::Nanoseconds(now_.load()); }
  void Advance(absl::Duration by) { now_ += absl::ToInt64Nanoseconds(by); }

 private:
  std::atomic<int64_t> now_{1'000'000'000};
};

// Writes down what a watch gives.
class Recorder final : public WatchSink {
 public:
  void OnChanges(const std::vector<std::shared_ptr<const Change>>& changes) override {
    MutexLock lock(&mutex_);
    if (held_) mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !held_; });
    changes_.insert(changes_.end(), changes.begin(), changes.end());
  }
  void OnProgress(Revision revision) override {
    MutexLock lock(&mutex_);
    progress_.push_back(revision);
  }
  void OnEnd(const absl::Status& why) override {
    MutexLock lock(&mutex_);
    ends_.push_back(why);
  }

  // Makes the next calls wait until it is let go.
  void Hold(bool held) {
    MutexLock lock(&mutex_);
    held_ = held;
  }

  // What was seen, once it is `count` changes or more.
  std::vector<std::shared_ptr<const Change>> Changes(size_t count) {
    MutexLock lock(&mutex_);
    mutex_.AwaitFor(kTestLimit, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return changes_.size() >= count;
    });
    return changes_;
  }
  // "ADDED 5 ns/name" and so on.
  std::vector<std::string> Lines(size_t count) {
    std::vector<std::string> out;
    for (const auto& change : Changes(count)) {
      const char* type = change->type == Change::Type::kAdded      ? "+"
                         : change->type == Change::Type::kModified ? "~"
                                                                   : "-";
      out.push_back(absl::StrCat(type, change->revision, " ", change->key.name_space, "/",
                                 change->key.name, " ", *change->text));
    }
    return out;
  }
  std::vector<Revision> Progress(size_t count) {
    MutexLock lock(&mutex_);
    mutex_.AwaitFor(kTestLimit, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return progress_.size() >= count;
    });
    return progress_;
  }
  std::optional<absl::Status> End() {
    MutexLock lock(&mutex_);
    mutex_.AwaitFor(kTestLimit,
                    [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !ends_.empty(); });
    if (ends_.size() != 1) return std::nullopt;
    return ends_[0];
  }

 private:
  Mutex mutex_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<const Change>> changes_ ABSL_GUARDED_BY(mutex_);
  std::vector<Revision> progress_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Status> ends_ ABSL_GUARDED_BY(mutex_);
};

class StoreFixture : public ::testing::Test {
 protected:
  void Open(SqliteStore::Options options = {}) {
    options.directory = dir_ / "data";
    store_.reset();
    auto store = SqliteStore::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  static Key Pod(const std::string& name, const std::string& ns = "ns") {
    return {"pods", ns, name};
  }

  absl::StatusOr<Revision> Put(const Key& key, const std::string& text, Revision expected = 0) {
    auto result = store_->Commit({{key, expected, text, std::nullopt}});
    if (!result.ok()) return result.status();
    return result->at(0);
  }
  absl::StatusOr<Revision> Remove(const Key& key, Revision expected,
                                  std::optional<std::string> last = std::nullopt) {
    auto result = store_->Commit({{key, expected, std::nullopt, std::move(last)}});
    if (!result.ok()) return result.status();
    return result->at(0);
  }
  std::string Text(const Key& key) {
    auto object = store_->Get(key);
    return object.ok() ? *object->text : std::string(object.status().message());
  }
  // "ns/name=text" of each object.
  std::vector<std::string> Listed(const ListQuery& query) {
    auto page = store_->List(query);
    if (!page.ok()) return {page.status().ToString()};
    std::vector<std::string> out;
    for (const StoredObject& object : page->objects) {
      out.push_back(absl::StrCat(object.key.name_space, "/", object.key.name, "=", *object.text));
    }
    return out;
  }
  std::shared_ptr<Recorder> Watch(Revision after, const std::string& ns = "",
                                  const std::string& resource = "pods") {
    auto recorder = std::make_shared<Recorder>();
    auto handle = store_->Watch(resource, ns, after, recorder);
    EXPECT_TRUE(handle.ok()) << handle.status();
    if (handle.ok()) handles_.push_back(*std::move(handle));
    return recorder;
  }

  TempDir dir_;
  std::unique_ptr<SqliteStore> store_;
  std::vector<std::unique_ptr<WatchHandle>> handles_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_TESTS_CONTROLLER_APISERVER_STORE_STORE_TESTING_H_
