#ifndef REKINDLE_TEST_FAKES_FAKE_API_H_
#define REKINDLE_TEST_FAKES_FAKE_API_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"

namespace rekindle {

// The rules of an API server over objects in memory: versions, pages, watches with history,
// preconditions. Knows no sockets: fake_transport.h and fake_api_server.h put it behind one.
// Thread-safe.
class FakeApi {
 public:
  struct Request {
    std::string method;
    std::string path;
    std::map<std::string, std::string> query;
    std::multimap<std::string, std::string> headers;  // names in lower case
    std::string body;
    std::string peer;  // common name of the client's certificate

    std::string Header(const std::string& name) const {
      const auto it = headers.find(name);
      return it == headers.end() ? "" : it->second;
    }
    std::string Query(const std::string& name) const {
      const auto it = query.find(name);
      return it == query.end() ? "" : it->second;
    }
    bool IsWatch() const { return Query("watch") == "true"; }
  };

  // How an answer ends.
  enum class After {
    kEnd,    // properly
    kBreak,  // the connection is cut
    kHang,   // nothing more comes, and the connection stays
  };

  struct Answer {
    int status = 200;  // 0: no head at all, only what `after` says
    std::string type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    After after = After::kEnd;
    bool stream = false;      // no length is announced
    uint64_t watch_from = 0;  // not 0: the body is a watch that goes on, from this version
  };

  // A watch's end of the wire: gets a frame, or nothing, which ends the stream.
  using Sink = std::function<void(std::optional<std::string>)>;

  Answer Handle(const Request& request);
  // Goes on with the stream of an answer with `watch_from`. Returns a number for Detach.
  uint64_t Attach(const Request& request, uint64_t from, Sink sink);
  void Detach(uint64_t watch);

  // Asked first; an answer of its own replaces the usual one.
  using Interceptor = std::function<std::optional<Answer>(const Request&)>;
  void Intercept(Interceptor interceptor);
  // The next `times` requests that fit get `answer`. Part of the path and the method must fit;
  // empty ones fit everything.
  void Fail(const std::string& method, const std::string& path_part, bool watch, Answer answer,
            int times = 1);

  // What tests do behind the server's back. `path` is a collection's ("/api/v1/pods").
  Json Put(const std::string& collection, Json object);
  void Remove(const std::string& collection, const std::string& name_space,
              const std::string& name);
  std::optional<Json> Find(const std::string& collection, const std::string& name_space,
                           const std::string& name) const;
  size_t Count(const std::string& collection) const;
  void Bookmark();                        // to all watches
  void EndWatches();                      // as at their timeouts
  void BreakWatches();                    // as a cut connection
  void SendRaw(const std::string& text);  // to all watches
  void Compact();                         // history and pages up to now are gone
  // Everything needs one of these tokens, or a certificate, from now on.
  void RequireTokens(std::vector<std::string> tokens);

  uint64_t version() const;
  size_t watches() const;
  std::vector<Request> requests() const;
  size_t CountRequests(const std::string& method, const std::string& part, bool watch) const;
  void ForgetRequests();

  static Answer Status(int code, const std::string& reason, const std::string& message);
  static Answer Plain(int code, const std::string& text);

 private:
  struct Place {  // what a path names
    std::string collection;
    std::string name_space;
    std::string name;
    std::string subresource;
  };
  struct Change {
    uint64_t version;
    std::string collection;
    std::string type;
    Json object;
    Json before;
  };
  struct Watch {
    Place place;
    std::string labels;
    std::string fields;
    Sink sink;
  };
  struct Failure {
    std::string method;
    std::string part;
    bool watch;
    Answer answer;
    int left;
  };
  using Objects = std::map<std::pair<std::string, std::string>, Json>;

  static std::optional<Place> Locate(const std::string& path);
  static bool Matches(const Json& object, const Place& place, const std::string& labels,
                      const std::string& fields);
  Answer HandleLocked(const Request& request);
  Answer List(const Request& request, const Place& place);
  Answer BeginWatch(const Request& request, const Place& place);
  Answer Create(const Request& request, const Place& place);
  Answer Write(const Request& request, const Place& place);
  Answer Delete(const Request& request, const Place& place);
  Json Store(const std::string& collection, Json object, const Json& before);
  void Announce(const Change& change);
  static std::optional<std::string> FrameFor(const Watch& watch, const Change& change);
  static std::string ListKind(const std::string& collection);

  mutable std::mutex mutex_;
  uint64_t version_ = 100;
  uint64_t compacted_ = 0;
  uint64_t next_watch_ = 1;
  uint64_t next_token_ = 1;
  uint64_t next_uid_ = 1;
  std::map<std::string, Objects> collections_;
  std::vector<Change> history_;
  std::map<uint64_t, Watch> watches_;
  struct Pages {
    uint64_t version;
    std::vector<Json> rest;
  };
  std::map<std::string, Pages> pages_;
  Interceptor interceptor_;
  std::vector<Failure> failures_;
  std::vector<std::string> tokens_;
  std::vector<Request> requests_;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAKE_API_H_
