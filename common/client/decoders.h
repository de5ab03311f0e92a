#ifndef REKINDLE_COMMON_CLIENT_DECODERS_H_
#define REKINDLE_COMMON_CLIENT_DECODERS_H_

#include "common/api/pod_record.h"
#include "common/client/informer.h"
#include "common/client/resource.h"
#include "common/json/json_fwd.h"

namespace rekindle::client {

// Whole trees, for kinds of which there are few. apiVersion and kind are filled in where a list
// leaves them out; metadata.managedFields is left out, since it can be larger than all the rest.
// Errors: kInvalidArgument for what is no object.
DecodeFunction<Json> TreeDecoder(const ApiResource& resource);

// Pods as compact records: well under 1 KiB each, with what pods of one template have in common
// stored once. What PodParser does not look at is skipped without being read.
DecodeFunction<api::PodRecord> PodDecoder();

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_DECODERS_H_
