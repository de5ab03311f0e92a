#include "common/client/store.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::client {
namespace {

using Kind = Store::Change::Kind;
using ::testing::ElementsAre;

Store::Record Text(const std::string& text) { return std::make_shared<const std::string>(text); }
std::string Of(const Store::Record& record) {
  return record == nullptr ? "-" : *static_cast<const std::string*>(record.get());
}
ObjectMeta Meta(const std::string& name, const std::string& uid, const std::string& version) {
  return {{"ns", name}, uid, version};
}

TEST(Store, ChangesAreTold) {
  Store store;
  EXPECT_EQ(store.Put(Meta("a", "u1", "1"), Text("x")).kind, Kind::kAdded);
  EXPECT_EQ(store.Put(Meta("a", "u1", "1"), Text("x")).kind, Kind::kNone);
  const Store::Change updated = store.Put(Meta("a", "u1", "2"), Text("y"));
  EXPECT_EQ(updated.kind, Kind::kUpdated);
  EXPECT_EQ(Of(updated.before), "x");
  EXPECT_EQ(Of(updated.entry->record), "y");
  // The same version of another object.
  EXPECT_EQ(store.Put(Meta("a", "u2", "2"), Text("z")).kind, Kind::kReplaced);
  EXPECT_EQ(store.Remove({"ns", "a"}, "u1"), nullptr);
  EXPECT_EQ(Of(store.Remove({"ns", "a"}, "u2")), "z");
  EXPECT_EQ(store.Remove({"ns", "a"}, ""), nullptr);
  EXPECT_EQ(store.size(), 0U);
}

TEST(Store, AListReplacesEverything) {
  Store store;
  for (const char* name : {"a", "b", "c", "d"}) store.Put(Meta(name, name, "1"), Text(name));
  store.BeginList();
  store.Put(Meta("b", "b", "1"), Text("b"));
  store.Keep({"ns", "d"});
  store.Keep({"ns", "no such object"});
  store.Put(Meta("e", "e", "1"), Text("e"));
  std::string gone;
  for (const auto& [key, last] : store.EndList()) gone += key.name + Of(last) + " ";
  EXPECT_EQ(gone, "aa cc ");
  EXPECT_EQ(store.size(), 3U);
}

// Against a map: the indexes hold what a search through everything finds.
TEST(Store, IndexesAgreeWithTheRecords) {
  Store store;
  const auto values = [](const std::string& text) {
    return std::vector<std::string>{text.substr(0, 1), "len" + std::to_string(text.size())};
  };
  store.AddIndex("i", [&](const ObjectKey&, const void* record) {
    return values(*static_cast<const std::string*>(record));
  });
  std::map<std::string, std::string> model;
  uint32_t random = 7;
  const auto next = [&] { return (random = random * 1664525U + 1013904223U) >> 16; };
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "n" + std::to_string(next() % 40);
    if (next() % 4 == 0) {
      store.Remove({"ns", name}, "");
      model.erase(name);
    } else {
      const std::string text(1 + next() % 5, static_cast<char>('a' + next() % 4));
      store.Put(Meta(name, "u", std::to_string(i)), Text(text));
      model[name] = text;
    }
    if (i % 50 != 0) continue;
    for (const char* value : {"a", "b", "c", "d", "len1", "len5"}) {
      std::vector<std::string> want;
      for (const auto& [key, text] : model) {
        const auto all = values(text);
        if (std::find(all.begin(), all.end(), value) != all.end()) want.push_back(key);
      }
      std::vector<std::string> got;
      for (const Store::Entry* entry : store.ByIndex("i", value)) got.push_back(entry->key.name);
      std::sort(want.begin(), want.end());
      ASSERT_EQ(got, want) << value << " " << i;
    }
  }
  EXPECT_EQ(store.All().size(), model.size());
}

}  // namespace
}  // namespace rekindle::client
