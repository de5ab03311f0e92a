#include "controller/admission/webhooks.h"

namespace rekindle::admission {
namespace {

constexpr Webhook kWebhooks[] = {
    {"mcloneset.kb.io", "/mutate-apps-kruise-io-cloneset", Phase::kMutate, "clonesets"},
    {"vcloneset.kb.io", "/validate-apps-kruise-io-cloneset", Phase::kValidate, "clonesets", true},
    {"mstatefulset.kb.io", "/mutate-apps-kruise-io-statefulset", Phase::kMutate, "statefulsets"},
    {"vstatefulset.kb.io", "/validate-apps-kruise-io-statefulset", Phase::kValidate, "statefulsets",
     true},
    // One for both: what it checks is what it fills in (spec container-recreate 5).
    {"mcontainerrecreaterequest.kb.io", "/mutate-apps-kruise-io-containerrecreaterequest",
     Phase::kMutate, "containerrecreaterequests"},
    {"mimagepulljob.kb.io", "/mutate-apps-kruise-io-imagepulljob", Phase::kMutate, "imagepulljobs"},
    {"vimagepulljob.kb.io", "/validate-apps-kruise-io-imagepulljob", Phase::kValidate,
     "imagepulljobs"},
    {"mnodeimage.kb.io", "/mutate-apps-kruise-io-nodeimage", Phase::kMutate, "nodeimages"},
    {"vnodeimage.kb.io", "/validate-apps-kruise-io-nodeimage", Phase::kValidate, "nodeimages"},
    {"mpod.kb.io", "/mutate-pod", Phase::kMutate, "pods", /*deletes=*/false, /*pods=*/true},
};

}  // namespace

absl::Span<const Webhook> Webhooks() { return kWebhooks; }

const Webhook* FindWebhook(absl::string_view path) {
  for (const Webhook& webhook : kWebhooks) {
    if (webhook.path == path) return &webhook;
  }
  return nullptr;
}

}  // namespace rekindle::admission
