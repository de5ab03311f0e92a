#include "daemon/service/health_client.h"

#include <chrono>
#include <memory>

#include "absl/strings/str_cat.h"
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/base/status_macros.h"
#include "common/net/grpc_status.h"

namespace rekindle::service {
namespace {

// grpc.health.v1 in the form it has on the wire; two messages of one field each are not worth
// generated code. HealthCheckRequest: the service's name as field 1.
std::string Request(absl::string_view service) {
  if (service.empty()) return "";
  return absl::StrCat("\x0a", std::string(1, static_cast<char>(service.size())), service);
}

// HealthCheckResponse: the status as field 1, where 1 is SERVING.
bool IsServing(const grpc::ByteBuffer& response) {
  grpc::Slice slice;
  return response.DumpToSingleSlice(&slice).ok() && slice.size() == 2 && slice.begin()[0] == 8 &&
         slice.begin()[1] == 1;
}

}  // namespace

absl::Status CheckHealth(const std::string& socket, absl::string_view service,
                         absl::Duration limit) {
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  grpc::GenericStub stub(grpc::CreateCustomChannel(absl::StrCat("unix:", socket),
                                                   grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(limit));
  const grpc::Slice slice(Request(service));
  const grpc::ByteBuffer request(&slice, 1);
  grpc::CompletionQueue queue;
  const auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  grpc::ByteBuffer response;
  grpc::Status status;
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return Annotate(net::FromGrpc(status), socket);
  if (!IsServing(response)) {
    return absl::FailedPreconditionError(
        absl::StrCat(socket, ": the daemon answers, and is not serving"));
  }
  return absl::OkStatus();
}

}  // namespace rekindle::service
