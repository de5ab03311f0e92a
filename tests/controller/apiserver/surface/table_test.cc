#include "controller/apiserver/surface/table.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/controller/apiserver/catalog/widget.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;

class TableTest : public testing::Test {
 protected:
  // One row's cells of an object of `kind`, made 40 s ago unless it says so.
  Json Cells(const std::string& version, const std::string& kind, const std::string& object) {
    Json whole = Json::parse(object);
    if (!whole["metadata"].contains("creationTimestamp")) {
      whole["metadata"]["creationTimestamp"] = "2001-09-09T01:46:00Z";
    }
    const ServedKind* served = catalog_->Find(version, kind);
    EXPECT_NE(served, nullptr) << kind;
    const auto table = MakeTable(*served, whole, "v1", IncludeObject::kMetadata, true, now_);
    EXPECT_TRUE(table.ok());
    EXPECT_EQ((*table)["rows"].size(), 1u);
    EXPECT_EQ((*table)["rows"][0]["cells"].size(), (*table)["columnDefinitions"].size()) << kind;
    return (*table)["rows"][0]["cells"];
  }
  std::vector<std::string> Names(const std::string& version, const std::string& kind) {
    std::vector<std::string> out;
    for (const Column& column : ColumnsOf(*catalog_->Find(version, kind))) {
      out.push_back(column.name + (column.priority > 0 ? "#" : ""));
    }
    return out;
  }

  std::shared_ptr<const Catalog> catalog_ = Catalog::Make({WidgetDefinition()});
  absl::Time now_ = absl::FromUnixSeconds(1'000'000'000);  // 2001-09-09T01:46:40Z
};

TEST_F(TableTest, Columns) {
  EXPECT_THAT(Names("v1", "Pod"), ElementsAre("Name", "Ready", "Status", "Restarts", "Age", "IP#",
                                              "Node#", "Nominated Node#", "Readiness Gates#"));
  EXPECT_THAT(Names("v1", "Event"),
              ElementsAre("Last Seen", "Type", "Reason", "Object", "Subobject#", "Source#",
                          "Message", "First Seen#", "Count#", "Name#"));
  EXPECT_THAT(Names("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
              ElementsAre("Name", "Created At"));
  EXPECT_THAT(Names("example.io/v1", "Widget"),
              ElementsAre("Name", "Color", "Count#", "Parts", "Ready", "Made"));
  EXPECT_THAT(Names("apps.kruise.io/v1beta1", "ImagePullJob"),
              ElementsAre("Name", "TOTAL", "ACTIVE", "SUCCEED", "FAILED", "AGE"));
  // Every kind has columns with names, types and descriptions.
  for (const ServedKind& kind : catalog_->kinds()) {
    for (const Column& column : ColumnsOf(kind)) {
      EXPECT_FALSE(column.name.empty() || column.type.empty() || column.description.empty())
          << kind.info->kind;
    }
  }
}

TEST_F(TableTest, StateOfAPod) {
  const struct {
    const char* pod;
    const char* status;
    const char* ready;
  } cases[] = {
      {R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Pending"}})", "Pending", "0/1"},
      {R"({"spec":{"containers":[{},{}]},"status":{"phase":"Running","containerStatuses":[
          {"ready":true,"state":{"running":{}}},{"ready":false,"state":{"running":{}}}]}})",
       "Running", "1/2"},
      {R"({"status":{"phase":"Failed","reason":"Evicted"}})", "Evicted", "0/0"},
      {R"({"spec":{"containers":[{}]},"status":{"phase":"Running","containerStatuses":[
          {"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})",
       "CrashLoopBackOff", "0/1"},
      {R"({"spec":{"containers":[{}]},"status":{"phase":"Failed","containerStatuses":[
          {"state":{"terminated":{"reason":"OOMKilled","exitCode":137}}}]}})",
       "OOMKilled", "0/1"},
      {R"({"spec":{"containers":[{}]},"status":{"phase":"Failed","containerStatuses":[
          {"state":{"terminated":{"exitCode":3}}}]}})",
       "ExitCode:3", "0/1"},
      {R"({"spec":{"containers":[{}]},"status":{"phase":"Failed","containerStatuses":[
          {"state":{"terminated":{"exitCode":137,"signal":9}}}]}})",
       "Signal:9", "0/1"},
      // The first container has the last word.
      {R"({"spec":{"containers":[{},{}]},"status":{"phase":"Running","containerStatuses":[
          {"state":{"waiting":{"reason":"ImagePullBackOff"}}},
          {"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})",
       "ImagePullBackOff", "0/2"},
      {R"({"spec":{"containers":[{},{}]},"status":{"phase":"Running",
          "conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[
          {"state":{"terminated":{"reason":"Completed","exitCode":0}}},
          {"ready":true,"state":{"running":{}}}]}})",
       "Running", "1/2"},
      {R"({"spec":{"containers":[{},{}]},"status":{"phase":"Running","containerStatuses":[
          {"state":{"terminated":{"reason":"Completed","exitCode":0}}},
          {"ready":true,"state":{"running":{}}}]}})",
       "NotReady", "1/2"},
      {R"({"spec":{"containers":[{}],"initContainers":[{"name":"i"},{"name":"j"}]},
          "status":{"phase":"Pending","initContainerStatuses":[
          {"name":"i","state":{"terminated":{"exitCode":0}}},
          {"name":"j","state":{"running":{}}}]}})",
       "Init:1/2", "0/1"},
      {R"({"spec":{"containers":[{}],"initContainers":[{"name":"i"}]},
          "status":{"phase":"Pending","initContainerStatuses":[
          {"name":"i","state":{"terminated":{"exitCode":2}}}]}})",
       "Init:ExitCode:2", "0/1"},
      {R"({"spec":{"containers":[{}],"initContainers":[{"name":"i"}]},
          "status":{"phase":"Pending","initContainerStatuses":[
          {"name":"i","state":{"terminated":{"exitCode":2,"reason":"Error"}}}]}})",
       "Init:Error", "0/1"},
      {R"({"spec":{"containers":[{}],"initContainers":[{"name":"i"}]},
          "status":{"phase":"Pending","initContainerStatuses":[
          {"name":"i","state":{"waiting":{"reason":"PodInitializing"}}}]}})",
       "Init:0/1", "0/1"},
      {R"({"spec":{"containers":[{}],"initContainers":[{"name":"i"}]},
          "status":{"phase":"Pending","initContainerStatuses":[
          {"name":"i","state":{"waiting":{"reason":"ImagePullBackOff"}}}]}})",
       "Init:ImagePullBackOff", "0/1"},
      // A sidecar that has started counts and holds nothing up.
      {R"({"spec":{"containers":[{}],"initContainers":[{"name":"i","restartPolicy":"Always"}]},
          "status":{"phase":"Running","initContainerStatuses":[
          {"name":"i","ready":true,"started":true,"state":{"running":{}}}],
          "containerStatuses":[{"ready":true,"state":{"running":{}}}]}})",
       "Running", "2/2"},
      {R"({"metadata":{"deletionTimestamp":"2001-09-09T01:46:00Z"},
          "status":{"phase":"Running"}})",
       "Terminating", "0/0"},
      {R"({"metadata":{"deletionTimestamp":"2001-09-09T01:46:00Z"},
          "status":{"phase":"Running","reason":"NodeLost"}})",
       "Unknown", "0/0"},
      {R"({"status":{"phase":"Pending","conditions":[
          {"type":"PodScheduled","reason":"SchedulingGated"}]}})",
       "SchedulingGated", "0/0"},
      {"{}", "", "0/0"},
  };
  for (const auto& one : cases) {
    const Json cells = Cells("v1", "Pod", one.pod);
    EXPECT_EQ(cells[2], one.status) << one.pod;
    EXPECT_EQ(cells[1], one.ready) << one.pod;
  }
}

TEST_F(TableTest, APodInFull) {
  EXPECT_EQ(Cells("v1", "Pod", R"({"metadata":{"name":"p"},
      "spec":{"nodeName":"n","containers":[{}],"readinessGates":[{"conditionType":"g"},
              {"conditionType":"h"}]},
      "status":{"phase":"Running","podIP":"10.0.0.1","nominatedNodeName":"m",
        "conditions":[{"type":"g","status":"True"}],
        "containerStatuses":[{"ready":true,"restartCount":3,"state":{"running":{}},
          "lastState":{"terminated":{"finishedAt":"2001-09-09T01:44:40Z"}}}]}})"),
            Json::parse(R"j(["p","1/1","Running","3 (2m ago)","40s","10.0.0.1","n","m","1/2"])j"));
}

TEST_F(TableTest, OtherKindsOfThePlatform) {
  const struct {
    const char* version;
    const char* kind;
    const char* object;
    const char* want;
  } cases[] = {
      {"v1", "Node",
       R"({"metadata":{"name":"n","labels":{"node-role.kubernetes.io/b":"","node-role.kubernetes.io/a":""}},
           "spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],
           "addresses":[{"type":"InternalIP","address":"1.2.3.4"}],
           "nodeInfo":{"kubeletVersion":"v1","osImage":"Debian"}}})",
       R"(["n","Ready,SchedulingDisabled","a,b","40s","v1","1.2.3.4","<none>","Debian","<unknown>","<unknown>"])"},
      {"v1", "Node", R"({"metadata":{"name":"n"}})",
       R"(["n","Unknown","<none>","40s","","<none>","<none>","<unknown>","<unknown>","<unknown>"])"},
      {"v1", "Namespace", R"({"metadata":{"name":"n"},"status":{"phase":"Active"}})",
       R"(["n","Active","40s"])"},
      {"v1", "Service",
       R"({"metadata":{"name":"s"},"spec":{"type":"ClusterIP","clusterIP":"None","selector":{"b":"2","a":"1"},
           "ports":[{"port":80,"protocol":"TCP"},{"port":53,"nodePort":3053,"protocol":"UDP"}]}})",
       R"(["s","ClusterIP","None","<none>","80/TCP,53:3053/UDP","40s","a=1,b=2"])"},
      {"v1", "Service",
       R"({"metadata":{"name":"s"},"spec":{"type":"ExternalName","externalName":"x.y"}})",
       R"(["s","ExternalName","<none>","x.y","<none>","40s","<none>"])"},
      {"v1", "Service", R"({"metadata":{"name":"s"},"spec":{"type":"LoadBalancer"}})",
       R"(["s","LoadBalancer","<none>","<pending>","<none>","40s","<none>"])"},
      {"v1", "Service",
       R"({"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","externalIPs":["9.9.9.9"]},
           "status":{"loadBalancer":{"ingress":[{"ip":"8.8.8.8"},{"hostname":"h"}]}}})",
       R"(["s","LoadBalancer","<none>","8.8.8.8,h,9.9.9.9","<none>","40s","<none>"])"},
      {"v1", "ConfigMap", R"({"metadata":{"name":"c"},"data":{"a":"1"},"binaryData":{"b":"AA=="}})",
       R"(["c",2,"40s"])"},
      {"v1", "Secret", R"({"metadata":{"name":"s"},"type":"Opaque","data":{"a":""}})",
       R"(["s","Opaque",1,"40s"])"},
      {"v1", "ServiceAccount", R"({"metadata":{"name":"s"}})", R"(["s",0,"40s"])"},
      {"v1", "Event",
       R"({"metadata":{"name":"e"},"type":"Normal","reason":"R","message":" hi\n","count":3,
           "involvedObject":{"kind":"Pod","name":"p","fieldPath":"spec.x"},
           "source":{"component":"c","host":"h"},
           "firstTimestamp":"2001-09-09T01:46:00Z","lastTimestamp":"2001-09-09T01:46:30Z"})",
       R"(["10s","Normal","R","pod/p","spec.x","c, h","hi","40s",3,"e"])"},
      {"v1", "Event",
       R"({"metadata":{"name":"e"},"type":"Normal","reason":"R","eventTime":"2001-09-09T01:46:00.000000Z",
           "involvedObject":{"kind":"Pod","name":"p"},"reportingComponent":"r"})",
       R"(["40s","Normal","R","pod/p","","r","","40s",1,"e"])"},
      {"v1", "Event",
       R"({"metadata":{"name":"e"},"eventTime":"2001-09-09T01:46:00.000000Z",
           "series":{"count":7,"lastObservedTime":"2001-09-09T01:46:38.000000Z"}})",
       R"(["2s","","","","","","","40s",7,"e"])"},
      {"v1", "PersistentVolumeClaim",
       R"({"metadata":{"name":"c"},"spec":{"volumeName":"v","storageClassName":"fast","volumeMode":"Block"},
           "status":{"phase":"Bound","accessModes":["ReadWriteMany","ReadWriteOnce"],
           "capacity":{"storage":"1Gi"}}})",
       R"(["c","Bound","v","1Gi","RWO,RWX","fast","<unset>","40s","Block"])"},
      {"v1", "PersistentVolumeClaim",
       R"({"metadata":{"name":"c","deletionTimestamp":"2001-09-09T01:46:00Z"},"status":{"phase":"Pending"}})",
       R"(["c","Terminating","","","","","<unset>","40s","<unset>"])"},
      {"v1", "PodTemplate",
       R"({"metadata":{"name":"t"},"template":{"metadata":{"labels":{"a":"b"}},
           "spec":{"containers":[{"name":"x","image":"i"},{"name":"y","image":"j"}]}}})",
       R"(["t","x,y","i,j","a=b"])"},
      {"apps/v1", "StatefulSet",
       R"({"metadata":{"name":"s"},"spec":{"replicas":3,"template":{"spec":{"containers":[
           {"name":"x","image":"i"}]}}},"status":{"readyReplicas":2}})",
       R"(["s","2/3","40s","x","i"])"},
      {"apps/v1", "ControllerRevision",
       R"({"metadata":{"name":"r","ownerReferences":[{"apiVersion":"apps/v1","kind":"StatefulSet",
           "name":"web","controller":true}]},"revision":2})",
       R"(["r","statefulset.apps/web",2,"40s"])"},
      {"policy/v1", "PodDisruptionBudget",
       R"({"metadata":{"name":"b"},"spec":{"minAvailable":"50%"},"status":{"disruptionsAllowed":1}})",
       R"(["b","50%","N/A",1,"40s"])"},
      {"policy/v1", "PodDisruptionBudget",
       R"({"metadata":{"name":"b"},"spec":{"maxUnavailable":1}})", R"(["b","N/A","1",0,"40s"])"},
      {"coordination.k8s.io/v1", "Lease",
       R"({"metadata":{"name":"l"},"spec":{"holderIdentity":"me"}})", R"(["l","me","40s"])"},
      {"apiextensions.k8s.io/v1", "CustomResourceDefinition", R"({"metadata":{"name":"c"}})",
       R"(["c","2001-09-09T01:46:00Z"])"},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(Cells(one.version, one.kind, one.object), Json::parse(one.want)) << one.object;
  }
}

TEST_F(TableTest, ColumnsByPath) {
  EXPECT_EQ(Cells("example.io/v1", "Widget", R"({"metadata":{"name":"w"},
      "spec":{"color":"red","count":3.0,"parts":[{"name":"a"},{"name":"b"}]},
      "status":{"conditions":[{"type":"Other","status":"False"},{"type":"Ready","status":"True"}]}})"),
            Json::parse(R"(["w","red",3,"a,b","True","40s"])"));
  EXPECT_EQ(Cells("example.io/v1", "Widget", R"({"metadata":{"name":"w",
      "creationTimestamp":"bad"},"spec":{"color":{"a":1},"count":"three"}})"),
            Json::parse(R"(["w","{\"a\":1}",null,null,null,"<invalid>"])"));
  // A label with dots.
  EXPECT_EQ(Cells("apps.kruise.io/v1beta1", "ContainerRecreateRequest",
                  R"({"metadata":{"name":"r","labels":{"crr.apps.kruise.io/node-name":"n1"}},
                      "spec":{"podName":"p"},"status":{"phase":"Completed"}})"),
            Json::parse(R"(["r","Completed","p","n1","40s"])"));
}

TEST_F(TableTest, ListsAndRowObjects) {
  const ServedKind* kind = catalog_->Find("v1", "Namespace");
  const Json list = Json::parse(R"({"kind":"NamespaceList","apiVersion":"v1",
      "metadata":{"resourceVersion":"7","continue":"x"},
      "items":[{"metadata":{"name":"a","uid":"1"},"status":{"phase":"Active"}},{"metadata":{"name":"b"}}]})");
  Json table = *MakeTable(*kind, list, "v1", IncludeObject::kMetadata, true, now_);
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1");
  EXPECT_EQ(table["metadata"], list["metadata"]);
  ASSERT_EQ(table["rows"].size(), 2u);
  EXPECT_EQ(table["rows"][0]["object"],
            Json::parse(R"({"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",
                            "metadata":{"name":"a","uid":"1"}})"));
  table = *MakeTable(*kind, list, "v1beta1", IncludeObject::kObject, false, now_);
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1beta1");
  EXPECT_TRUE(table["columnDefinitions"].is_null());
  EXPECT_EQ(table["rows"][0]["object"]["kind"], "Namespace");
  EXPECT_EQ(table["rows"][0]["object"]["status"]["phase"], "Active");
  table = *MakeTable(*kind, list, "v1", IncludeObject::kNone, true, now_);
  EXPECT_TRUE(table["rows"][0]["object"].is_null());
  const Json empty = Json::parse(R"({"kind":"NamespaceList","items":[]})");
  EXPECT_EQ((*MakeTable(*kind, empty, "v1", IncludeObject::kNone, true, now_))["rows"],
            Json::array());
  const Json one = Json::parse(R"({"metadata":{"name":"a","resourceVersion":"5"}})");
  EXPECT_EQ((*MakeTable(*kind, one, "v1", IncludeObject::kNone, true,
                        now_))["metadata"]["resourceVersion"],
            "5");
  EXPECT_FALSE(MakeTable(*kind, Json::array(), "v1", IncludeObject::kNone, true, now_).ok());
}

TEST_F(TableTest, PodsThatAreDoneSaySo) {
  const ServedKind* kind = catalog_->Find("v1", "Pod");
  const Json pod = Json::parse(R"({"metadata":{"name":"p"},"status":{"phase":"Succeeded"}})");
  const Json table = *MakeTable(*kind, pod, "v1", IncludeObject::kNone, true, now_);
  EXPECT_EQ(table["rows"][0]["conditions"][0]["type"], "Completed");
}

}  // namespace
}  // namespace rekindle::apiserver
