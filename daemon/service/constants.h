#ifndef REKINDLE_DAEMON_SERVICE_CONSTANTS_H_
#define REKINDLE_DAEMON_SERVICE_CONSTANTS_H_

#include <cstddef>

#include "absl/time/time.h"

namespace rekindle::service {

// Limits of requests. Each is far above what a real pod needs and far below what would hurt.
inline constexpr size_t kMaxContainers = 512;
inline constexpr size_t kMaxRequestId = 128;
inline constexpr size_t kMaxName = 253;  // a DNS subdomain, the longest name of the API
inline constexpr size_t kMaxUid = 128;
inline constexpr size_t kMaxCommandWords = 1024;
inline constexpr size_t kMaxHeaders = 64;
inline constexpr size_t kMaxEnv = 4096;
inline constexpr size_t kMaxString = 128 * 1024;  // Linux' MAX_ARG_STRLEN: exec refuses longer ones
inline constexpr size_t kMaxPath = 8 * 1024;
inline constexpr size_t kMaxImage = 4096;
inline constexpr size_t kMaxCredential = 64 * 1024;  // identity tokens run to some kilobytes
// The longest grace, hook or deadline; also keeps sums of them far from overflow.
inline constexpr absl::Duration kMaxDuration = absl::Hours(24);
inline constexpr absl::Duration kMinCheckPeriod = absl::Milliseconds(10);  // node.proto, ReadyCheck
inline constexpr unsigned kMaxSuccessThreshold = 1000;
inline constexpr size_t kDefaultListLimit = 500;  // node.proto, ListOperationsRequest
inline constexpr size_t kMaxListLimit = 5000;

// Limits of the servers.
inline constexpr int kMaxReceiveBytes = 1 << 20;  // 512 containers with hooks and env fit easily
inline constexpr int kMaxSendBytes = 16 << 20;    // as the runtime itself
// One connection of a controller carries one stream per running request: more than the pods of
// the largest node.
inline constexpr int kMaxConcurrentStreams = 1024;
inline constexpr int kMaxMetadataBytes = 16 * 1024;
// Streams over all connections of one server: bounds the memory that callers can pin.
inline constexpr size_t kMaxRestartStreams = 4096;
inline constexpr size_t kMaxWatchStreams = 64;
inline constexpr size_t kMaxPullStreams = 64;
inline constexpr size_t kMaxListPodsCalls = 16;
// Responses that wait for a slow reader of WatchOperations or WatchPods, beyond the initial state.
// A burst of 500 operations with some ten phases each fits twice.
inline constexpr size_t kMaxWatchBacklog = 10'000;
// How long a reader that was too slow may take to fetch the status that says so.
inline constexpr absl::Duration kCutSlowReaderAfter = absl::Seconds(30);
// Status calls to the runtime that one ListPods or WatchPods has under way at once.
inline constexpr size_t kListPodsConcurrency = 16;

// A peer of the local socket says something within this time or is cut off.
inline constexpr absl::Duration kLocalHelloTimeout = absl::Seconds(10);
inline constexpr size_t kMaxLocalHellos = 64;
// Dead peers are noticed after at most the sum of the two.
inline constexpr absl::Duration kKeepaliveTime = absl::Seconds(30);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(20);
// Clients that ping more often than this are cut off.
inline constexpr absl::Duration kMinClientPing = absl::Seconds(10);
// A connection over TLS is renewed so often: a withdrawn authority or an expired certificate is
// noticed by then even on a connection that never closes.
inline constexpr absl::Duration kMaxConnectionAge = absl::Hours(1);
inline constexpr absl::Duration kMaxConnectionAgeGrace = absl::Minutes(10);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_CONSTANTS_H_
