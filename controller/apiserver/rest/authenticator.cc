#include "controller/apiserver/rest/authenticator.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include <openssl/evp.h>

#include "common/api/status.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "controller/apiserver/rest/roles.h"

namespace rekindle::apiserver {
namespace {

// The fields of a line of CSV; quotes may hold commas, and "" inside them is a quote.
absl::StatusOr<std::vector<std::string>> Fields(absl::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back().push_back('"');
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back().push_back(c);
    }
  }
  if (quoted) return absl::InvalidArgumentError("a quote is not closed");
  for (std::string& field : fields) absl::StripAsciiWhitespace(&field);
  return fields;
}

absl::Status AddToken(absl::string_view line, TokenTable& table) {
  RK_ASSIGN_OR_RETURN(const std::vector<std::string> fields, Fields(line));
  if (fields.size() < 3 || fields.size() > 4) {
    return absl::InvalidArgumentError("must have token, user, uid and perhaps groups");
  }
  if (fields[0].empty()) return absl::InvalidArgumentError("the token is empty");
  if (fields[1].empty()) return absl::InvalidArgumentError("the user is empty");
  User user{.name = fields[1]};
  if (fields.size() == 4) {
    for (absl::string_view group : absl::StrSplit(fields[3], ',', absl::SkipWhitespace())) {
      user.groups.emplace_back(absl::StripAsciiWhitespace(group));
    }
  }
  if (!table.emplace(TokenHash(fields[0]), std::move(user)).second) {
    return absl::InvalidArgumentError("the token is there twice");
  }
  return absl::OkStatus();
}

absl::Status Unauthorized() { return api::ToStatus(api::Unauthorized()); }

absl::StatusOr<User> WithoutImpersonation(const HttpRequest& request, TokenFile* tokens) {
  if (request.certificate.has_value()) {
    return User{request.certificate->name, request.certificate->groups};
  }
  absl::string_view authorization = request.Header("authorization");
  if (authorization.empty()) {
    if (request.certificate_untrusted) return Unauthorized();
    return User{std::string(kAnonymousUser), {}};
  }
  if (!absl::StartsWithIgnoreCase(authorization, "bearer ") || tokens == nullptr) {
    return Unauthorized();
  }
  const auto found = tokens->Find(absl::StripAsciiWhitespace(authorization.substr(7)));
  if (found == nullptr) return Unauthorized();
  return *found;
}

void AddStandardGroups(User& user) {
  user.groups.emplace_back(user.name == kAnonymousUser ? kUnauthenticatedGroup
                                                       : kAuthenticatedGroup);
}

}  // namespace

std::string TokenHash(absl::string_view token) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(token.data(), token.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return std::string(digest.begin(), digest.begin() + size);
}

absl::StatusOr<TokenTable> ParseTokens(const std::string& text) {
  TokenTable table;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    RK_RETURN_IF_ERROR(Annotate(AddToken(line, table), absl::StrCat("line ", number)));
  }
  return table;
}

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(const std::string& path) {
  std::unique_ptr<TokenFile> file(new TokenFile(path));
  MutexLock lock(&file->mutex_);
  RK_RETURN_IF_ERROR(file->Refresh());
  return file;
}

absl::Status TokenFile::Refresh() {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path_));
  }
  const int64_t stamp = (info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec) ^
                        static_cast<int64_t>(info.st_ino << 1) ^ info.st_size;
  if (stamp == stamp_) return absl::OkStatus();
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, " can be read by others than its owner; chmod 600"));
  }
  std::ifstream in(path_, std::ios::binary);
  if (!in) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path_));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  stamp_ = stamp;
  RK_ASSIGN_OR_RETURN(TokenTable table, ParseTokens(text));
  table_ = std::make_shared<const TokenTable>(std::move(table));
  return absl::OkStatus();
}

std::shared_ptr<const User> TokenFile::Find(absl::string_view token) {
  std::shared_ptr<const TokenTable> table;
  {
    MutexLock lock(&mutex_);
    const absl::Status status = Refresh();
    if (!status.ok()) {
      LOG_EVERY_N(WARNING, 100) << "tokens: the old ones stay: " << status.message();
    }
    table = table_;
  }
  const auto found = table->find(TokenHash(token));
  if (found == table->end()) return nullptr;
  return std::shared_ptr<const User>(table, &found->second);
}

absl::StatusOr<User> Authenticate(const HttpRequest& request, TokenFile* tokens) {
  RK_ASSIGN_OR_RETURN(User user, WithoutImpersonation(request, tokens));
  AddStandardGroups(user);
  const absl::string_view other = request.Header("impersonate-user");
  if (other.empty()) {
    // Groups alone would be somebody without a name.
    if (!request.Header("impersonate-group").empty()) {
      return api::ToStatus(api::BadRequest("Impersonate-Group needs Impersonate-User"));
    }
    return user;
  }
  const Attributes wanted{.verb = "impersonate", .resource = "users", .name = std::string(other)};
  if (!AllowedBy(user, wanted).has_value()) return api::ToStatus(ForbiddenFor(user, wanted));
  User as{.name = std::string(other)};
  for (absl::string_view group :
       absl::StrSplit(request.Header("impersonate-group"), ',', absl::SkipWhitespace())) {
    as.groups.emplace_back(absl::StripAsciiWhitespace(group));
  }
  AddStandardGroups(as);
  return as;
}

}  // namespace rekindle::apiserver
