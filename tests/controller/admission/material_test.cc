#include "controller/admission/material.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::admission {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'900'000'000);
const std::vector<std::string> kNames = {"c.ns.svc", "c.ns"};

class MaterialTest : public ::testing::Test {
 protected:
  Material Make(absl::Time now = kNow) {
    auto made = Carry(CertStep::kMake, absl::NotFoundError(""), std::nullopt, kNames, now, policy_);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.value_or(Material());
  }
  CertStep At(absl::Time now, const absl::StatusOr<Material>& stored, bool trusted = true,
              const std::optional<Material>& mine = std::nullopt) {
    return Decide(stored, mine, kNames, now, trusted, policy_).step;
  }
  Material Do(CertStep step, const Material& stored, absl::Time now) {
    auto made = Carry(step, stored, std::nullopt, kNames, now, policy_);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.value_or(Material());
  }
  static absl::Time EndOf(const std::string& certificate) {
    return apiserver::ValidityOf(certificate)->end;
  }

  CertPolicy policy_;
};

TEST_F(MaterialTest, TheSecretThereAndBack) {
  Material before = Make();
  before.next = *apiserver::MakeAuthority("next", kNow);
  before.next_since = kNow;
  before.former = Make().authority.certificate;
  before.former_until = kNow + absl::Hours(1);
  Json secret = {{"metadata", {{"name", "s"}, {"annotations", {{"mine", "stays"}}}}},
                 {"data", {{"stray", "eA=="}}}};
  IntoSecret(before, secret);
  EXPECT_EQ(secret["metadata"]["annotations"]["mine"], "stays");
  EXPECT_FALSE(secret["data"].contains("stray"));
  const auto after = FromSecret(secret);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(Bundle(*after),
            before.authority.certificate + before.next->certificate + before.former);
  EXPECT_EQ(after->serving.key, before.serving.key);
  EXPECT_EQ(after->next_since, kNow);
  EXPECT_EQ(after->former_until, kNow + absl::Hours(1));
  // What is over leaves no trace.
  before.next.reset();
  before.former.clear();
  IntoSecret(before, secret);
  EXPECT_EQ(secret["metadata"]["annotations"].size(), 1U);
  EXPECT_EQ(secret["data"].size(), 4U);
}

TEST_F(MaterialTest, WhatCannotBeUsedIsNamed) {
  Json good = Json::object();
  IntoSecret(Make(), good);
  Json other = Json::object();
  IntoSecret(Make(), other);
  const auto with = [&](const char* key, const Json& value) {
    Json out = good;
    out["data"][key] = value;
    return out;
  };
  const std::pair<Json, const char*> table[] = {
      {Json::object(), "data[ca.crt]"},
      {{{"data", 7}}, "data[ca.crt]"},
      {with("tls.key", "%%%"), "data[tls.key]"},
      {with("tls.key", ""), "data[tls.key]"},
      {with("tls.key", "bm8="), "data[tls.crt] and data[tls.key]"},
      {with("ca.key", other["data"]["ca.key"]), "data[ca.crt] and data[ca.key]"},
      {with("next.crt", good["data"]["ca.crt"]), "data[next.key]"},
      {with("former.crt", "bm8="), "data[former.crt]"},
  };
  for (const auto& [secret, text] : table) {
    const auto read = FromSecret(secret);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(text));
  }
}

TEST_F(MaterialTest, FirstOfAll) {
  EXPECT_EQ(At(kNow, absl::NotFoundError("none")), CertStep::kMake);
  const Material mine = Make();
  EXPECT_EQ(At(kNow, absl::NotFoundError("none"), true, mine), CertStep::kRestore);
  EXPECT_EQ(At(kNow, absl::InvalidArgumentError("spoilt"), true, mine), CertStep::kRestore);
  // What this process has is no good any more.
  EXPECT_EQ(At(kNow + apiserver::kAuthorityLife, absl::NotFoundError("none"), true, mine),
            CertStep::kMake);
  const auto restored =
      Carry(CertStep::kRestore, absl::NotFoundError(""), mine, kNames, kNow, policy_);
  ASSERT_TRUE(restored.ok());
  EXPECT_EQ(restored->serving.certificate, mine.serving.certificate);
  EXPECT_EQ(At(kNow, mine), CertStep::kKeep);
  EXPECT_TRUE(apiserver::SignedBy(mine.serving.certificate, mine.authority.certificate));
}

TEST_F(MaterialTest, CertificatesAreRenewedInTime) {
  const Material first = Make();
  const absl::Time end = EndOf(first.serving.certificate);
  EXPECT_EQ(At(end - apiserver::kRenewBefore - absl::Seconds(1), first), CertStep::kKeep);
  const absl::Time soon = end - apiserver::kRenewBefore + absl::Seconds(1);
  EXPECT_EQ(At(soon, first), CertStep::kRenew);
  EXPECT_EQ(At(end + absl::Hours(1), first), CertStep::kRenew);
  const Material second = Do(CertStep::kRenew, first, soon);
  EXPECT_EQ(Bundle(second), Bundle(first));
  EXPECT_NE(second.serving.key, first.serving.key);
  EXPECT_EQ(At(soon, second), CertStep::kKeep);
  // Another service name.
  EXPECT_EQ(Decide(first, std::nullopt, {"other.ns.svc"}, kNow, true, policy_).step,
            CertStep::kRenew);
  // Somebody has put a certificate of another authority there.
  Material mixed = first;
  mixed.serving = Make().serving;
  EXPECT_EQ(At(kNow, mixed), CertStep::kRenew);
}

TEST_F(MaterialTest, AnAuthorityIsReplacedWithoutAGap) {
  Material now = Make();
  const absl::Time end = EndOf(now.authority.certificate);
  // A new certificate, so that only the authority is old.
  const absl::Time early = end - policy_.stage_before - absl::Hours(1);
  now = Do(CertStep::kRenew, now, early);
  EXPECT_EQ(At(early, now), CertStep::kKeep);
  absl::Time time = end - policy_.stage_before + absl::Hours(1);
  EXPECT_EQ(At(time, now), CertStep::kStage);
  const Material staged = Do(CertStep::kStage, now, time);
  EXPECT_EQ(staged.serving.certificate, now.serving.certificate);
  EXPECT_THAT(Bundle(staged), HasSubstr(now.authority.certificate));
  EXPECT_THAT(Bundle(staged), HasSubstr(staged.next->certificate));
  // Not before all who call trust it, and have had time to hear of it.
  EXPECT_EQ(At(time + absl::Hours(1), staged, /*trusted=*/false), CertStep::kKeep);
  EXPECT_EQ(At(time + policy_.settle - absl::Seconds(1), staged), CertStep::kKeep);
  time += policy_.settle;
  EXPECT_EQ(At(time, staged), CertStep::kSwitch);
  const Material switched = Do(CertStep::kSwitch, staged, time);
  EXPECT_EQ(switched.authority.certificate, staged.next->certificate);
  EXPECT_TRUE(apiserver::SignedBy(switched.serving.certificate, switched.authority.certificate));
  // Replicas that have not heard of it show the former one's certificate.
  EXPECT_EQ(switched.former, now.authority.certificate);
  EXPECT_EQ(At(time, switched), CertStep::kKeep);
  EXPECT_EQ(At(time + policy_.overlap - absl::Seconds(1), switched), CertStep::kKeep);
  EXPECT_EQ(At(time + policy_.overlap, switched), CertStep::kForget);
  const Material alone = Do(CertStep::kForget, switched, time + policy_.overlap);
  EXPECT_EQ(Bundle(alone), switched.authority.certificate);
  EXPECT_EQ(At(time + policy_.overlap, alone), CertStep::kKeep);
}

TEST_F(MaterialTest, ACertificateNeverOutlivesItsAuthority) {
  EXPECT_GT(policy_.stage_before, policy_.serving_life);
  EXPECT_GT(policy_.stage_before, apiserver::kRenewBefore + policy_.settle);
}

TEST_F(MaterialTest, ClocksThatWereAhead) {
  // Made by a replica whose clock is an hour ahead: nobody else takes it yet.
  const Material ahead = Make(kNow + absl::Hours(1));
  const Decision decision = Decide(ahead, std::nullopt, kNames, kNow, true, policy_);
  EXPECT_EQ(decision.step, CertStep::kMake);
  EXPECT_THAT(decision.why, HasSubstr("begins at"));
  const Material made = Do(CertStep::kMake, ahead, kNow);
  EXPECT_THAT(Bundle(made), HasSubstr(ahead.authority.certificate));
  EXPECT_EQ(At(kNow, made), CertStep::kKeep);
  // And the one that is ahead is content with it: they do not fight.
  EXPECT_EQ(At(kNow + absl::Hours(1), made), CertStep::kKeep);
  // An authority whose time is over is not trusted any longer.
  const absl::Time later = kNow + apiserver::kAuthorityLife + absl::Hours(2);
  EXPECT_EQ(At(later, made), CertStep::kMake);
  EXPECT_TRUE(Do(CertStep::kMake, made, later).former.empty());
}

TEST_F(MaterialTest, SpoiltTimesCountAsLongAgo) {
  Material material = Make();
  material.former = material.authority.certificate;
  material.former_until = kNow + absl::Hours(1);
  Json secret = Json::object();
  IntoSecret(material, secret);
  for (auto& [key, value] : secret["metadata"]["annotations"].items()) value = "whenever";
  const auto read = FromSecret(secret);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(At(kNow, read), CertStep::kForget);
}

}  // namespace
}  // namespace rekindle::admission
