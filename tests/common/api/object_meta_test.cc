#include "common/api/object_meta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

TEST(ObjectMeta, ReadsWhatDecisionsNeed) {
  const auto meta = ReadObjectMeta(Json::parse(R"({"metadata":{"name":"a","namespace":"ns",
      "uid":"u","resourceVersion":"7","generation":3,"creationTimestamp":"2030-01-02T03:04:05Z",
      "deletionTimestamp":"2030-01-02T04:04:05+01:00","deletionGracePeriodSeconds":30,
      "labels":{"b":"2","a":"1"},"annotations":null,"finalizers":["x/y"],
      "ownerReferences":[{"apiVersion":"v1","kind":"K","name":"o","uid":"w"},
        {"apiVersion":"v1","kind":"K","name":"p","uid":"v","controller":true,
         "blockOwnerDeletion":true}],"future":1}})"));
  ASSERT_TRUE(meta.ok()) << meta.status();
  EXPECT_EQ(meta->name, "a");
  EXPECT_EQ(meta->resource_version, "7");
  EXPECT_EQ(meta->generation, 3);
  EXPECT_TRUE(meta->BeingDeleted());
  EXPECT_EQ(*meta->deletion_time, *meta->created);
  EXPECT_EQ(meta->deletion_grace_seconds, 30);
  EXPECT_EQ(meta->labels.Get("a"), "1");
  EXPECT_TRUE(meta->HasFinalizer("x/y"));
  EXPECT_FALSE(meta->HasFinalizer("x"));
  ASSERT_NE(meta->Controller(), nullptr);
  EXPECT_EQ(meta->Controller()->uid, "v");
  EXPECT_EQ(OwnerReferenceToJson(*meta->Controller()),
            Json::parse(R"({"apiVersion":"v1","kind":"K","name":"p","uid":"v","controller":true,
                            "blockOwnerDeletion":true})"));
  EXPECT_EQ(ReadObjectMeta(Json::parse(R"({"metadata":{}})"))->Controller(), nullptr);
}

TEST(ObjectMeta, NamesTheMemberThatDoesNotFit) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "metadata is not an object"},
      {R"({"metadata":{"name":7}})", "metadata.name is not a text"},
      {R"({"metadata":{"generation":"x"}})", "metadata.generation is not an integer"},
      {R"({"metadata":{"labels":{"a":1}}})", "metadata.labels is not a map of texts"},
      {R"({"metadata":{"labels":[]}})", "metadata.labels is not a map"},
      {R"({"metadata":{"finalizers":[1]}})", "metadata.finalizers is not a list of texts"},
      {R"({"metadata":{"finalizers":{}}})", "metadata.finalizers is not a list"},
      {R"({"metadata":{"creationTimestamp":"x"}})", "metadata.creationTimestamp is not a time"},
      {R"({"metadata":{"ownerReferences":[{"controller":1}]}})",
       "metadata.ownerReferences.controller is not true or false"},
  };
  for (const auto& [text, want] : cases) {
    EXPECT_EQ(ReadObjectMeta(Json::parse(text)).status().message(), want) << text;
  }
}

TEST(Lease, ThereAndBack) {
  Json lease = Json::parse(R"({"metadata":{"name":"l"},"spec":{"holderIdentity":"h",
      "leaseDurationSeconds":15,"acquireTime":"2030-01-02T03:04:05.000001Z",
      "renewTime":"2030-01-02T03:04:06.000000Z","leaseTransitions":4,"strategy":"s"}})");
  const auto view = ReadLease(lease);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->holder, "h");
  EXPECT_EQ(view->duration_seconds, 15);
  EXPECT_EQ(view->transitions, 4);
  const Json before = lease;
  WriteLease(*view, lease);
  EXPECT_EQ(lease, before);  // what it does not know stays
  LeaseView released = *view;
  released.holder.clear();
  released.acquired.reset();
  WriteLease(released, lease);
  EXPECT_EQ(*ReadLease(lease), released);
  EXPECT_EQ(*ReadLease(Json::object()), LeaseView());
  EXPECT_EQ(
      ReadLease(Json::parse(R"({"spec":{"renewTime":"2030-01-02T03:04:05Z"}})")).status().message(),
      "spec.renewTime is not a time with six fractional digits");
  EXPECT_EQ(
      ReadLease(Json::parse(R"({"spec":{"leaseTransitions":3000000000}})")).status().message(),
      "spec.leaseTransitions is not a number of 32 bits");
}

}  // namespace
}  // namespace rekindle::api
