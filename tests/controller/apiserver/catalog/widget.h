#ifndef REKINDLE_TESTS_CONTROLLER_APISERVER_CATALOG_WIDGET_H_
#define REKINDLE_TESTS_CONTROLLER_APISERVER_CATALOG_WIDGET_H_

#include <string>

#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"
#include "controller/apiserver/catalog/definition.h"

namespace rekindle::apiserver {

// A user's CRD with a bit of everything; defaults filled in.
inline Json WidgetDefinition() {
  Json crd = Json::parse(R"({
    "apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
    "metadata":{"name":"widgets.example.io","creationTimestamp":"2030-01-02T03:04:05Z"},
    "spec":{"group":"example.io","scope":"Namespaced",
      "names":{"plural":"widgets","kind":"Widget","shortNames":["w"],"categories":["toys"]},
      "versions":[{"name":"v1","served":true,"storage":true,
        "subresources":{"status":{},"scale":{"specReplicasPath":".spec.count",
          "statusReplicasPath":".status.count","labelSelectorPath":".status.selector"}},
        "selectableFields":[{"jsonPath":".spec.color"}],
        "additionalPrinterColumns":[
          {"name":"Color","type":"string","jsonPath":".spec.color"},
          {"name":"Count","type":"integer","jsonPath":".spec.count","priority":1},
          {"name":"Parts","type":"string","jsonPath":".spec.parts[*].name"},
          {"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"},
          {"name":"Made","type":"date","jsonPath":".metadata.creationTimestamp"}],
        "schema":{"openAPIV3Schema":{"type":"object","description":"A toy.","properties":{
          "spec":{"type":"object","description":"Wanted.","required":["color"],"properties":{
            "color":{"type":"string","description":"Its color.","enum":["red","blue"]},
            "count":{"type":"integer","format":"int32","minimum":0,"default":1},
            "share":{"x-kubernetes-int-or-string":true},
            "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true,
                    "properties":{"known":{"type":"string"}}},
            "parts":{"type":"array","x-kubernetes-list-type":"map",
              "x-kubernetes-list-map-keys":["name"],"items":{"type":"object","required":["name"],
              "properties":{"name":{"type":"string"},"size":{"type":"integer"}}}}}},
          "status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}]}})");
  CompleteDefinition(crd);
  return crd;
}

}  // namespace rekindle::apiserver

#endif  // REKINDLE_TESTS_CONTROLLER_APISERVER_CATALOG_WIDGET_H_
