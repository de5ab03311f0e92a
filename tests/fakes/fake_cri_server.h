#ifndef REKINDLE_TEST_FAKES_FAKE_CRI_SERVER_H_
#define REKINDLE_TEST_FAKES_FAKE_CRI_SERVER_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include <google/protobuf/message.h>
#include <grpcpp/server.h>
#include <grpcpp/support/status.h>

#include "containerd/v1/events.pb.h"
#include "cri/v1/api.pb.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {

// A runtime in this process behind a real Unix socket, made to misbehave: CRI, containerd's event
// stream and content store. A call without a script answers OK with what SetContainer and the like
// put there.
// Threads: any; handlers run on threads of gRPC.
class FakeCriServer {
 public:
  using Answer = std::function<grpc::Status(const google::protobuf::Message& request,
                                            google::protobuf::Message* response)>;

  // What the last call of a method came with.
  struct Seen {
    int calls = 0;
    int running = 0;                                     // handlers inside now
    int max_running = 0;                                 // at most at a time so far
    int cancelled = 0;                                   // held calls that the client gave up
    absl::Duration deadline = absl::InfiniteDuration();  // left on arrival
    std::string request_text;                            // serialised
    std::multimap<std::string, std::string> metadata;
    std::vector<std::string> order;  // serialised requests in order of arrival
  };

  FakeCriServer();
  ~FakeCriServer();

  // "unix:///tmp/.../cri.sock"
  std::string endpoint() const { return "unix://" + path_; }
  const std::string& path() const { return path_; }

  // Drops all connections at once and stops listening; Start listens again.
  void Stop();
  void Start();

  // Every further call of `method` ("StopContainer", "Subscribe") fails so; OK ends that.
  void Fail(const std::string& method, grpc::Status status);
  // Computes the answer; the request and response have the method's types.
  void Script(const std::string& method, Answer answer);
  // Further calls of `method` wait until Release or until the client gives up.
  void Hold(const std::string& method);
  void Release(const std::string& method);

  Seen seen(const std::string& method);
  // Waits until `holds` is true of what was seen of `method`.
  bool AwaitSeen(const std::string& method, const std::function<bool(const Seen&)>& holds,
                 absl::Duration limit = absl::Seconds(20));

  // What ContainerStatus and ListContainers show. RemoveContainerRecord: NOT_FOUND from then on.
  void SetContainer(const std::string& id, runtime::v1::ContainerState state, int exit_code = 0);
  void RemoveContainerRecord(const std::string& id);
  void SetVersion(const std::string& name, const std::string& version);

  // Sends an exit on containerd's stream (to whoever subscribed) and on the CRI's.
  void SendTaskExit(const std::string& container_id, const std::string& exec_id = "");
  void SendCriEvent(runtime::v1::ContainerEventResponse event);
  // All events sent so far have gone out of the handlers of that stream.
  bool AwaitSent(const std::string& method, absl::Duration limit = absl::Seconds(20));
  // Streams open now.
  bool AwaitSubscribers(const std::string& method, int count,
                        absl::Duration limit = absl::Seconds(20));

 private:
  class RuntimeImpl;
  class ImageImpl;
  class EventsImpl;
  class ContentImpl;
  class TasksImpl;

  template <typename Request, typename Response>
  grpc::Status Serve(const char* method, grpc::ServerContext* context, const Request& request,
                     Response* response);
  template <typename Event, typename Writer>
  grpc::Status Stream(const char* method, grpc::ServerContext* context, const Event* type,
                      Writer* writer);

  TempDir directory_;
  std::string path_ = directory_ / "cri.sock";
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, grpc::Status> failures_;
  std::map<std::string, Answer> scripts_;
  std::set<std::string> held_;
  std::map<std::string, Seen> seen_;
  std::map<std::string, runtime::v1::ContainerStatus> containers_;
  std::string runtime_name_ = "containerd";
  std::string runtime_version_ = "1.6.20~ds1";
  // Events so far, by the method that streams them; a new stream starts at the end.
  std::map<std::string, std::vector<std::string>> events_;
  std::map<std::string, int> streams_;
  std::map<std::string, size_t> sent_;  // of the stream that is furthest

  std::unique_ptr<RuntimeImpl> runtime_;
  std::unique_ptr<ImageImpl> images_;
  std::unique_ptr<EventsImpl> event_service_;
  std::unique_ptr<ContentImpl> content_;
  std::unique_ptr<TasksImpl> tasks_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAKE_CRI_SERVER_H_
