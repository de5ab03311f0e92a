#ifndef REKINDLE_COMMON_BASE_LOCK_CHECKS_H_
#define REKINDLE_COMMON_BASE_LOCK_CHECKS_H_

namespace rekindle {

// Switches off the search for deadlocks that Debian's Abseil does at each lock of an absl::Mutex
// (its package is built with debug checks): under one lock for the whole process it keeps a graph
// of all of them. gRPC has dozens a connection, and with thousands of connections most of the
// processor time goes there. This project's own locks are not Abseil's (sync.h).
// Call once, first thing in main. Threads: before there are others.
void SkipLockOrderChecks();

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_LOCK_CHECKS_H_
