#include "control/process/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <vector>

namespace aralez {
namespace {

struct User {
  uid_t id = 0;
  bool named = false;  ///< in the user database, so that groups may be known for it
};

template <class Id>
bool parse_id(const std::string& text, Id& id) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), id);
  return code == std::errc{} && end == text.data() + text.size() && id != static_cast<Id>(-1);
}

/// `look(buffer)` is a get…_r call; it wants a larger buffer while it returns ERANGE.
template <class Look>
int with_buffer(Look look) {
  std::vector<char> buffer(1024);
  int code = look(buffer);
  while (code == ERANGE && buffer.size() < (1U << 20)) {
    buffer.resize(buffer.size() * 2);
    code = look(buffer);
  }
  return code;
}

std::expected<User, ProcessError> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  const int code = with_buffer([&](std::vector<char>& b) {
    return ::getpwnam_r(name.c_str(), &entry, b.data(), b.size(), &found);
  });
  if (found) return User{entry.pw_uid, true};
  if (User user; parse_id(name, user.id)) return user;
  return process_error(code != 0 ? code : ENOENT, "user " + name);
}

std::expected<gid_t, ProcessError> find_group(const std::string& name) {
  group entry{};
  group* found = nullptr;
  const int code = with_buffer([&](std::vector<char>& b) {
    return ::getgrnam_r(name.c_str(), &entry, b.data(), b.size(), &found);
  });
  if (found) return entry.gr_gid;
  if (gid_t id = 0; parse_id(name, id)) return id;
  return process_error(code != 0 ? code : ENOENT, "group " + name);
}

struct Ids {
  uid_t user, effective_user, saved_user;
  gid_t group, effective_group, saved_group;

  static Ids now() {
    Ids i{};
    ::getresuid(&i.user, &i.effective_user, &i.saved_user);
    ::getresgid(&i.group, &i.effective_group, &i.saved_group);
    return i;
  }
  [[nodiscard]] bool are(uid_t u, gid_t g) const {
    return user == u && effective_user == u && saved_user == u && group == g &&
           effective_group == g && saved_group == g;
  }
};

}  // namespace

std::expected<std::uint64_t, ProcessError> raise_fd_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return process_error(errno, "limit of open files");
  if (limit.rlim_cur == limit.rlim_max) return limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return process_error(errno, "limit of open files");
  return limit.rlim_cur;
}

bool user_exists(const std::string& user) {
  return find_user(user).has_value();
}

bool group_exists(const std::string& group) {
  return find_group(group).has_value();
}

std::expected<void, ProcessError> give_to(const std::string& path, const std::string& user,
                                          const std::string& group) {
  const auto who = find_user(user);
  if (!who) return std::unexpected(who.error());
  const auto gid = find_group(group);
  if (!gid) return std::unexpected(gid.error());
  if (::lchown(path.c_str(), who->id, *gid) != 0)  // what it leads to by now is not ours to give
    return process_error(errno, "owner of " + path);
  return {};
}

std::expected<void, ProcessError> drop_privileges(const std::string& user,
                                                  const std::string& group) {
  if (user.empty() || group.empty())
    return process_error(EINVAL, "runuser and rungroup are needed together");
  const auto who = find_user(user);
  if (!who) return std::unexpected(who.error());
  const auto gid = find_group(group);
  if (!gid) return std::unexpected(gid.error());
  if (Ids::now().are(who->id, *gid)) return {};

  // Groups first: without root rights neither call would be allowed any more.
  const int grouped = who->named ? ::initgroups(user.c_str(), *gid) : ::setgroups(1, &*gid);
  if (grouped != 0) return process_error(errno, "groups of user " + user);
  if (::setresgid(*gid, *gid, *gid) != 0) return process_error(errno, "group " + group);
  if (::setresuid(who->id, who->id, who->id) != 0) return process_error(errno, "user " + user);

  const bool way_back = who->id != 0 && ::setuid(0) == 0;
  if (way_back || !Ids::now().are(who->id, *gid))
    return process_error(EPERM, "rights were not dropped");
  return {};
}

}  // namespace aralez
