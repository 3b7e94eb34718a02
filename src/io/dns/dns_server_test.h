#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "io/socket_address.h"

namespace aralez {

/// A name server on a free port of 127.0.0.1, for tests: answers A and AAAA from a table, over UDP
/// and TCP, whenever serve() is called. No thread.
class DnsServer {
 public:
  enum class Mood : std::uint8_t { answers, silent, truncates, fails };

  DnsServer() {
    for (int i = 0; i < 100 && !tcp_; ++i) {
      udp_ = bound(SOCK_DGRAM, *SocketAddress::parse("127.0.0.1:0"));
      sockaddr_in a{};
      socklen_t len = sizeof a;
      ::getsockname(udp_.get(), reinterpret_cast<sockaddr*>(&a), &len);
      port_ = ntohs(a.sin_port);
      tcp_ = bound(SOCK_STREAM, *SocketAddress::from_ip("127.0.0.1", port_));
    }
    ::listen(tcp_.get(), 16);
  }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  void set(const std::string& name, const std::vector<std::string>& ips, std::uint32_t ttl = 60) {
    auto& entry = names_[name];
    entry = {.ttl = ttl, .a = {}, .aaaa = {}};
    for (const auto& ip : ips)
      (ip.find(':') == std::string::npos ? entry.a : entry.aaaa).push_back(ip);
  }
  void remove(const std::string& name) { names_.erase(name); }
  void mood(Mood m) { mood_ = m; }
  /// Questions received, over UDP and TCP.
  [[nodiscard]] std::size_t questions() const { return udp_questions_ + tcp_questions_; }
  [[nodiscard]] std::size_t tcp_questions() const { return tcp_questions_; }

  /// Handles what has arrived; does not wait.
  void serve() {
    std::array<char, 1500> in;
    sockaddr_in from{};
    socklen_t len = sizeof from;
    for (ssize_t n = 0; (n = ::recvfrom(udp_.get(), in.data(), in.size(), 0,
                                        reinterpret_cast<sockaddr*>(&from), &len)) > 0;
         len = sizeof from) {
      ++udp_questions_;
      if (mood_ == Mood::silent) continue;
      const std::string out =
          answer({in.data(), static_cast<std::size_t>(n)}, mood_ == Mood::truncates);
      ::sendto(udp_.get(), out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), len);
    }
    if (UniqueFd c{::accept4(tcp_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)})
      clients_.emplace_back(std::move(c), std::string());
    for (auto& [fd, buffer] : clients_) serve_tcp(fd, buffer);
  }

 private:
  struct Entry {
    std::uint32_t ttl = 0;
    std::vector<std::string> a, aaaa;
  };

  static UniqueFd bound(int type, const SocketAddress& at) {
    UniqueFd fd(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::bind(fd.get(), at.raw(), at.length()) != 0) fd.reset();
    return fd;
  }

  void serve_tcp(const UniqueFd& fd, std::string& buffer) {
    std::array<char, 1500> in;
    if (const ssize_t n = ::recv(fd.get(), in.data(), in.size(), 0); n > 0)
      buffer.append(in.data(), static_cast<std::size_t>(n));
    while (buffer.size() >= 2) {
      const std::size_t size = u16(buffer, 0);
      if (buffer.size() < 2 + size) return;
      ++tcp_questions_;
      const std::string out = answer(buffer.substr(2, size), false);
      buffer.erase(0, 2 + size);
      // In pieces: a client that reads once per event has to come back.
      std::string framed = number(out.size(), 2) + out;
      for (const auto& part : {framed.substr(0, 1), framed.substr(1, 20), framed.substr(21)})
        ::send(fd.get(), part.data(), part.size(), MSG_NOSIGNAL);
    }
  }

  static std::size_t u16(const std::string& s, std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(s[at])) << 8 |
           static_cast<unsigned char>(s[at + 1]);
  }
  static std::string number(std::size_t v, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(v >> (8 * i) & 0xff));
    return out;
  }

  /// RFC 1035 section 4.
  [[nodiscard]] std::string answer(const std::string& query, bool truncate) const {
    std::string name;
    std::size_t at = 12;
    while (query[at] != 0) {
      const auto n = static_cast<std::size_t>(static_cast<unsigned char>(query[at]));
      name += (name.empty() ? "" : ".") + query.substr(at + 1, n);
      at += n + 1;
    }
    const std::size_t type = u16(query, at + 1);
    const std::string question = query.substr(12, at + 5 - 12);
    const auto known = names_.find(name);
    std::string records;
    std::size_t count = 0;
    if (known != names_.end() && !truncate) {
      for (const auto& ip : type == 1 ? known->second.a : known->second.aaaa) {
        std::array<char, 16> raw{};
        ::inet_pton(type == 1 ? AF_INET : AF_INET6, ip.c_str(), raw.data());
        const std::size_t size = type == 1 ? 4 : 16;
        records += "\xc0\x0c" + number(type, 2) + number(1, 2) + number(known->second.ttl, 4) +
                   number(size, 2) + std::string(raw.data(), size);
        ++count;
      }
    }
    const std::size_t rcode = mood_ == Mood::fails ? 2 : known == names_.end() ? 3 : 0;
    const std::size_t flags = 0x8180U | (truncate ? 0x0200U : 0U) | rcode;
    return query.substr(0, 2) + number(flags, 2) + number(1, 2) + number(count, 2) + number(0, 4) +
           question + records;
  }

  UniqueFd udp_;
  UniqueFd tcp_;
  std::uint16_t port_ = 0;
  Mood mood_ = Mood::answers;
  std::map<std::string, Entry> names_;
  std::vector<std::pair<UniqueFd, std::string>> clients_;
  std::size_t udp_questions_ = 0;
  std::size_t tcp_questions_ = 0;
};

}  // namespace aralez
