#ifndef REKINDLE_COMMON_API_POD_POOLS_H_
#define REKINDLE_COMMON_API_POD_POOLS_H_

#include <string>
#include <vector>

#include "common/api/pod_record.h"
#include "common/api/text.h"

namespace rekindle::api {

// What a parser's pods share. For PodParser's own files.
struct PodParser::Pools {
  TextPool texts;
  Sharing<PodShape> shapes;
  Sharing<StringMap> maps;
  Sharing<std::vector<std::string>> lists;
  Sharing<Resources> resources;
  Sharing<ImageStatus> images;
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_POD_POOLS_H_
