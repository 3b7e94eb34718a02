#include "files/file_responder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "base/ascii.h"
#include "base/unique_fd.h"
#include "files/conditions.h"
#include "files/media_type.h"
#include "http/date.h"

namespace aralez {
namespace {

/// An open file as the body of an answer; the last piece of it closes the file.
class OpenFile final : public KernelBytes {
 public:
  static KernelRef make(UniqueFd fd) {
    return KernelRef(std::unique_ptr<OpenFile>(new OpenFile(std::move(fd))).release());
  }
  void consumed(std::size_t) override {}

 private:
  explicit OpenFile(UniqueFd fd) : KernelBytes(fd.get()), fd_(std::move(fd)) {}
  void release() noexcept override { const std::unique_ptr<OpenFile> last(this); }

  UniqueFd fd_;
};

struct Found {
  UniqueFd fd;
  struct stat st{};
};

void end(Reply& reply, std::uint16_t status, Reason reason) {
  reply.status = status;
  reply.reason = reason;
  if (!bodyless(status)) reply.length = BodyLength::of(0);
}

/// The file name below the root that a normalised path means; empty when it names nothing that may
/// be seen.
std::string file_name(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%' && i + 2 < path.size()) {
      c = static_cast<char>(hex_value(path[i + 1]) * 16 + hex_value(path[i + 2]));
      if (c == '/') return {};  // one name, not two
      i += 2;
    }
    if (c == '\\' || c == '\0') return {};
    if (c == '.' && out.ends_with('/')) return {};  // hidden, and what is left of "..": nothing
    out.push_back(c);
  }
  if (!out.starts_with('/')) return {};
  if (out.ends_with('/')) out += "index.html";
  return out.substr(1);
}

Found open_file(const std::string& path) {
  Found f;
  f.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (f.fd && ::fstat(f.fd.get(), &f.st) != 0) f.fd.reset();
  return f;
}

Validators validators_of(const struct stat& st) {
  return {.etag = fmt::format("\"{:x}.{:08x}-{:x}\"", st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                              st.st_size),
          .modified = st.st_mtim.tv_sec};
}

void redirect_to_folder(RequestContext& request, Reply& reply) {
  end(reply, 307, Reason::redirect);
  // From the normalised path: it never begins with two slashes, which would name a host.
  reply.fields.add(request.arena,
                   {"Location", request.arena.join({request.path.match, "/", request.path.query}),
                    FieldId::location});
}

void add_validators(Reply& reply, Arena& arena, const Validators& now) {
  reply.fields.add(
      arena, {"Last-Modified", arena.copy(format_http_date(now.modified)), FieldId::last_modified});
  reply.fields.add(arena, {"ETag", arena.copy(now.etag), FieldId::etag});
}

/// The file itself or a part of it.
void send(RequestContext& request, Reply& reply, Found&& file, const Validators& now) {
  const auto size = static_cast<std::uint64_t>(file.st.st_size);
  const ByteRange range = request.request.method == Method::get
                              ? read_range(request.request.fields, now, size)
                              : ByteRange{};
  if (range.kind == ByteRange::Kind::unsatisfiable) {
    end(reply, 416, Reason::range_unsatisfiable);
    return reply.fields.add(request.arena,
                            {"Content-Range", request.arena.copy(fmt::format("bytes */{}", size)),
                             FieldId::content_range});
  }
  const bool part = range.kind == ByteRange::Kind::part;
  const std::uint64_t first = part ? range.first : 0;
  const std::uint64_t length = part ? range.length : size;
  reply.status = part ? 206 : 200;
  reply.length = BodyLength::of(length);
  reply.fields.add(
      request.arena,
      {"Content-Type",
       media_type(request.path.match.ends_with('/') ? "index.html" : request.path.match),
       FieldId::content_type});
  reply.fields.add(request.arena, {"Accept-Ranges", "bytes", FieldId::accept_ranges});
  add_validators(reply, request.arena, now);
  if (part)
    reply.fields.add(
        request.arena,
        {"Content-Range",
         request.arena.copy(fmt::format("bytes {}-{}/{}", first, first + length - 1, size)),
         FieldId::content_range});
  if (length > 0)
    reply.body.push_back(Piece::file(OpenFile::make(std::move(file.fd)), first, length));
}

}  // namespace

FileResponder::FileResponder(const std::string& folder)
    : root_(std::filesystem::absolute(folder).native() + "/") {}

Verdict FileResponder::respond(RequestContext& request, const Chain&, Reply& reply) const {
  answer(request, reply);
  return Verdict::replied;
}

void FileResponder::answer(RequestContext& request, Reply& reply) const {
  const Method method = request.request.method;
  if (method != Method::get && method != Method::head) {
    end(reply, 405, Reason::method_not_allowed);
    return reply.fields.add(request.arena, {"Allow", "GET,HEAD"});
  }
  const std::string name = file_name(request.path.match);
  if (name.empty()) return end(reply, 404, Reason::file_not_found);
  Found file = open_file(root_ + name);
  if (!file.fd) return end(reply, 404, Reason::file_not_found);
  if (S_ISDIR(file.st.st_mode) && !request.path.match.ends_with('/'))
    return redirect_to_folder(request, reply);
  if (!S_ISREG(file.st.st_mode)) return end(reply, 404, Reason::file_not_found);
  const Validators now = validators_of(file.st);
  switch (check_conditions(request.request.fields, now)) {
    case Condition::pass: return send(request, reply, std::move(file), now);
    case Condition::failed: return end(reply, 412, Reason::precondition_failed);
    case Condition::not_modified:
      reply.status = 304;
      return add_validators(reply, request.arena, now);
  }
}

}  // namespace aralez
