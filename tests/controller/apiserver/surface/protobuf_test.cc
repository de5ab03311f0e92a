#include "controller/apiserver/surface/protobuf.h"

#include "absl/strings/escaping.h"
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"
#include "controller/apiserver/surface/protobuf_table.h"

namespace rekindle::apiserver {
namespace {

using testing::HasSubstr;

// Writes the wire format by hand.
std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string Number(int number, int64_t value) {
  return Varint(static_cast<uint64_t>(number) << 3) + Varint(static_cast<uint64_t>(value));
}
std::string Bytes(int number, const std::string& bytes) {
  return Varint(static_cast<uint64_t>(number) << 3 | 2) + Varint(bytes.size()) + bytes;
}
std::string Envelope(const std::string& version, const std::string& kind, const std::string& raw) {
  return std::string("k8s\0", 4) + Bytes(1, Bytes(1, version) + Bytes(2, kind)) + Bytes(2, raw) +
         Bytes(3, "") + Bytes(4, "");
}
std::string Meta(const std::string& name) { return Bytes(1, Bytes(1, name) + Bytes(2, "")); }

Json Decoded(const std::string& bytes) {
  const auto out = DecodeProtobuf(bytes);
  EXPECT_TRUE(out.ok()) << out.status();
  return out.ok() ? *out : Json();
}

TEST(Protobuf, TheExampleOfTheSpecification) {
  const std::string bytes = absl::HexStringToBytes(
      "6b387300"
      "0a0f0a02763112094e616d657370616365"
      "12060a040a0274311a002200");
  EXPECT_EQ(Decoded(bytes),
            Json::parse(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"t1"}})"));
}

TEST(Protobuf, TableFitsTheTypes) {
  const auto table = ProtobufTable::Make(api::Kinds(), ProtobufNumbers());
  ASSERT_TRUE(table.ok()) << table.status();
  for (const char* name : {"io.k8s.api.core.v1.Pod", "io.k8s.api.core.v1.PodSpec",
                           "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}) {
    EXPECT_NE(table->Find(*api::Kinds().FindType(name)), nullptr) << name;
  }
  // Every member of the platform's kinds that a client can send has a number.
  const auto* spec = table->Find(*api::Kinds().FindType("io.k8s.api.core.v1.PodSpec"));
  EXPECT_GE(spec->slots.size(), 40u);
  for (const char* bad :
       {"Pod: metadata=1", "package io.k8s.api.core.v1 Nothing: a=1",
        "package io.k8s.api.core.v1 Pod: nothing=1", "package io.k8s.api.core.v1 Pod: metadata=x",
        "package io.k8s.api.core.v1 Pod: metadata=1 spec=1", "metadata=1"}) {
    EXPECT_FALSE(ProtobufTable::Make(api::Kinds(), bad).ok()) << bad;
  }
}

TEST(Protobuf, MapsBytesAndMetadata) {
  const std::string meta = Bytes(1, "m") + Bytes(3, "ns") + Bytes(8, "") + Number(7, 0) +
                           Bytes(11, Bytes(1, "a") + Bytes(2, "b")) + Bytes(11, Bytes(1, "empty")) +
                           Bytes(13, Bytes(5, "v1") + Bytes(1, "Pod") + Bytes(3, "p") +
                                         Bytes(4, "u") + Number(6, 1) + Number(7, 0)) +
                           Bytes(14, "x/y");
  EXPECT_EQ(Decoded(Envelope("v1", "ConfigMap",
                             Bytes(1, meta) + Bytes(2, Bytes(1, "k") + Bytes(2, "v")) +
                                 Bytes(3, Bytes(1, "raw") + Bytes(2, std::string("\x00\xff", 2))) +
                                 Number(4, 0))),
            Json::parse(R"({"apiVersion":"v1","kind":"ConfigMap",
              "metadata":{"name":"m","namespace":"ns","labels":{"a":"b","empty":""},
                "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u",
                  "controller":true,"blockOwnerDeletion":false}],"finalizers":["x/y"]},
              "data":{"k":"v"},"binaryData":{"raw":"AP8="},"immutable":false})"));
}

TEST(Protobuf, APod) {
  const std::string container =
      Bytes(1, "main") + Bytes(2, "busybox") + Bytes(3, "sh") + Bytes(3, "") + Bytes(5, "") +
      Bytes(6, Bytes(1, "") + Number(2, 0) + Number(3, 80) + Bytes(4, "TCP")) +
      // env: the name of a config map's key is in a message that JSON does not show.
      Bytes(7, Bytes(1, "E") + Bytes(2, "") +
                   Bytes(3, Bytes(3, Bytes(1, Bytes(1, "map")) + Bytes(2, "key") + Number(3, 1)))) +
      Bytes(8, Bytes(1, Bytes(1, "cpu") + Bytes(2, Bytes(1, "100m")))) +
      // readinessProbe: the handler is inlined.
      Bytes(11, Bytes(1, Bytes(2, Bytes(1, "/") +
                                      Bytes(2, Number(1, 1) + Number(2, 0) + Bytes(3, "web")) +
                                      Bytes(4, "HTTP"))) +
                    Number(2, 0) + Number(3, 1));
  const std::string spec =
      Bytes(1, Bytes(1, "v") + Bytes(2, Bytes(2, Bytes(1, "") + Bytes(2, Bytes(1, "1Gi"))))) +
      Bytes(2, container) + Bytes(3, "Always") + Number(4, 0) + Bytes(10, "") + Number(11, 0) +
      Bytes(14, Number(2, 1000) + Varint(4 << 3 | 2) + Varint(3) + Varint(5) + Varint(300)) +
      Bytes(22, Bytes(1, "k") + Number(5, -1)) + Bytes(999, "from the future") + Number(998, 7);
  EXPECT_EQ(Decoded(Envelope("v1", "Pod", Meta("p") + Bytes(2, spec) + Bytes(3, Bytes(1, "")))),
            Json::parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},
              "spec":{"volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Gi"}}],
                "containers":[{"name":"main","image":"busybox","command":["sh",""],
                  "ports":[{"containerPort":80,"protocol":"TCP"}],
                  "env":[{"name":"E","valueFrom":{"configMapKeyRef":{"name":"map","key":"key",
                                                                     "optional":true}}}],
                  "resources":{"limits":{"cpu":"100m"}},
                  "readinessProbe":{"httpGet":{"path":"/","port":"web","scheme":"HTTP"},
                                    "timeoutSeconds":1}}],
                "restartPolicy":"Always","terminationGracePeriodSeconds":0,
                "securityContext":{"runAsUser":1000,"supplementalGroups":[5,300]},
                "tolerations":[{"key":"k","tolerationSeconds":-1}]},
              "status":{}})"));
}

TEST(Protobuf, TimesNumbersAndEmbeddedJson) {
  EXPECT_EQ(Decoded(Envelope(
                "coordination.k8s.io/v1", "Lease",
                Meta("l") + Bytes(2, Bytes(1, "me") + Number(2, 15) +
                                         Bytes(3, Number(1, 1'000'000'000) + Number(2, 5'000))))),
            Json::parse(R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
              "metadata":{"name":"l"},"spec":{"holderIdentity":"me","leaseDurationSeconds":15,
              "acquireTime":"2001-09-09T01:46:40.000005Z"}})"));
  EXPECT_EQ(
      Decoded(Envelope("apps/v1", "ControllerRevision",
                       Meta("r") + Bytes(2, Bytes(1, R"({"spec":{"a":[1]}})")) + Number(3, 4))),
      Json::parse(R"({"apiVersion":"apps/v1","kind":"ControllerRevision",
              "metadata":{"name":"r"},"data":{"spec":{"a":[1]}},"revision":4})"));
}

// What kubectl 1.32 sends in this form (spec kubernetes-api 19).
TEST(Protobuf, Requests) {
  EXPECT_EQ(Decoded(Envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview",
                             Bytes(1, "") +
                                 Bytes(2, Bytes(1, Bytes(1, "ns") + Bytes(2, "get") + Bytes(3, "") +
                                                       Bytes(4, "*") + Bytes(5, "pods"))) +
                                 Bytes(3, Number(1, 0)))),
            Json::parse(R"({"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview",
              "metadata":{},"spec":{"resourceAttributes":{"namespace":"ns","verb":"get",
              "version":"*","resource":"pods"}},"status":{"allowed":false}})"));
  EXPECT_EQ(Decoded(Envelope("policy/v1", "Eviction",
                             Meta("p") + Bytes(2, Number(1, 0) + Bytes(2, Bytes(1, "u"))))),
            Json::parse(R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"},
              "deleteOptions":{"gracePeriodSeconds":0,"preconditions":{"uid":"u"}}})"));
  EXPECT_EQ(Decoded(Envelope("apps/v1", "DeleteOptions",
                             Bytes(4, "Orphan") + Bytes(5, "All")))["propagationPolicy"],
            "Orphan");
  EXPECT_EQ(Decoded(Envelope("policy/v1", "PodDisruptionBudget",
                             Meta("b") + Bytes(2, Bytes(1, Number(1, 1) + Bytes(3, "50%")) +
                                                      Bytes(2, ""))))["spec"],
            Json::parse(R"({"minAvailable":"50%","selector":{}})"));
}

TEST(Protobuf, RefusesWhatIsBroken) {
  const std::string good = Envelope("v1", "Namespace", Meta("a"));
  for (size_t size = 0; size < good.size(); ++size) {
    const auto out = DecodeProtobuf(good.substr(0, size));
    // Cut behind a whole field it is a shorter envelope.
    if (out.ok()) continue;
    EXPECT_EQ(out.status().code(), absl::StatusCode::kInvalidArgument) << size;
  }
  const struct {
    const char* name;
    std::string bytes;
    const char* want;
  } cases[] = {
      {"json", "{}", "does not begin with the magic number"},
      {"no kind", std::string("k8s\0", 4), "names no kind"},
      {"group", Envelope("v1", "Namespace", std::string("\x0b\x0c")), "wire type 3"},
      {"field 0", Envelope("v1", "Namespace", std::string("\x02\x00", 2)), "field number"},
      {"long number", Envelope("v1", "Namespace", "\x08" + std::string(11, '\xff')), "ten bytes"},
      {"size", Envelope("v1", "Namespace", "\x0a\x7f"), "ends within a field"},
      {"name as a number", Envelope("v1", "Namespace", Bytes(1, Number(1, 7))), "metadata.name"},
      {"not UTF-8", Envelope("v1", "Namespace", Bytes(1, Bytes(1, "\xff"))),
       "metadata.name: is not UTF-8"},
      {"surrogate", Envelope("v1", "Namespace", Bytes(1, Bytes(1, "\xed\xa0\x80"))), "not UTF-8"},
      {"key", Envelope("v1", "ConfigMap", Bytes(2, Bytes(1, "\xff"))), "a key is no text"},
      {"time", Envelope("v1", "Namespace", Bytes(1, Bytes(8, Number(1, int64_t{1} << 60)))),
       "metadata.creationTimestamp: is no time"},
      {"embedded", Envelope("apps/v1", "ControllerRevision", Bytes(2, Bytes(1, "{"))), "data"},
      {"message", Envelope("v1", "Pod", Number(2, 7)), "spec: is no message"},
      {"int or string", Envelope("v1", "Service", Bytes(2, Bytes(1, Bytes(4, Number(1, 9))))),
       "spec.ports[0].targetPort: is neither integer nor text"},
      {"encoded", std::string("k8s\0", 4) + Bytes(3, "gzip"), "its content is encoded"},
  };
  for (const auto& one : cases) {
    const auto out = DecodeProtobuf(one.bytes);
    ASSERT_EQ(out.status().code(), absl::StatusCode::kInvalidArgument) << one.name;
    EXPECT_THAT(std::string(out.status().message()), HasSubstr(one.want)) << one.name;
  }
  EXPECT_EQ(
      DecodeProtobuf(Envelope("apps.kruise.io/v1beta1", "CloneSet", Meta("a"))).status().code(),
      absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace rekindle::apiserver
