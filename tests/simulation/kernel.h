#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace aralez::sim {

/// Seeded choices; one per run.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  /// 0 to n - 1.
  std::size_t below(std::size_t n) { return n == 0 ? 0 : engine_() % n; }
  /// 1 to n.
  std::size_t up_to(std::size_t n) { return below(n) + 1; }
  bool percent(unsigned p) { return below(100) < p; }

 private:
  std::mt19937_64 engine_;
};

class Kernel;

/// One TCP connection between the proxy and a peer, with the marks of epoll's edge triggering that
/// the proxy relies on: no edge without news, and none for room before a send was refused some.
class Connection {
 public:
  // The peer. It learns what has happened when it looks.
  void send(std::string_view bytes) { transit_ += bytes; }
  void shutdown() { peer_fin_ = true; }
  void reset();
  /// At most `max` of what the proxy has sent.
  std::string read(std::size_t max);
  [[nodiscard]] std::size_t unsent() const { return transit_.size() + queue_.size(); }
  /// The proxy has ended its half, and all before that was read.
  [[nodiscard]] bool sees_end() const { return fin_ && out_.empty() && !rst_out_; }
  [[nodiscard]] bool sees_reset() const { return rst_out_ && out_.empty(); }
  [[nodiscard]] bool readable() const { return !out_.empty() || sees_end() || sees_reset(); }

 private:
  friend class Kernel;
  enum class Connect : std::uint8_t { pending, done, refused };

  explicit Connection(Kernel& k) : kernel_(k) {}
  [[nodiscard]] std::uint32_t level() const;
  [[nodiscard]] std::size_t room() const { return capacity_ - std::min(capacity_, out_.size()); }
  /// Some of what the peer has sent arrives.
  void arrive();
  [[nodiscard]] bool moving() const;
  void take_reset();

  Kernel& kernel_;
  std::string transit_;  ///< sent by the peer, on its way
  std::string queue_;    ///< has arrived, not read
  std::string out_;      ///< sent by the proxy, not read by the peer
  std::size_t capacity_ = 65536;
  int error_ = 0;
  void* watcher_ = nullptr;  ///< epoll's data
  Connect connect_ = Connect::done;
  // Independent facts about two directions.
  bool open_ = true;  ///< the proxy has not closed its descriptor
  bool edge_ = false;
  bool refused_room_ = false;
  bool abort_ = false;
  bool peer_fin_ = false;
  bool fin_arrived_ = false;
  bool fin_ = false;
  bool rst_in_ = false;
  bool rst_out_ = false;
};

using ConnectionPtr = std::shared_ptr<Connection>;

/// What the linker puts in the place of the system calls that sockets and the reactor make
/// (kernel.cc): descriptors from kFirstFd on are connections of this kernel, and time is what it
/// says. One at a time.
class Kernel {
 public:
  static constexpr int kFirstFd = 1 << 20;

  explicit Kernel(Dice& dice);
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  ~Kernel();
  [[nodiscard]] static Kernel* current();

  /// What becomes of a connect by the proxy.
  enum class Answer : std::uint8_t { accept, refuse_now, refuse_later, silence };
  /// Asked for each connect, with the connection that an accepted one will be.
  std::function<Answer(std::uint16_t port, ConnectionPtr)> on_connect;

  /// A connection that a peer has made; the proxy's end of it.
  [[nodiscard]] std::pair<int, ConnectionPtr> dial();

  [[nodiscard]] TimePoint now() const { return now_; }
  void pass(Millis time) { now_ += time; }
  /// Bytes on their way get nearer.
  void move_bytes();
  /// Something is on its way and will arrive by itself.
  [[nodiscard]] bool moving() const;
  /// The longest that the next wait may last.
  void limit_sleep(Millis most) { most_sleep_ = most; }
  /// How many bytes arrive at once, at most.
  void set_segment(std::size_t n) { segment_ = n; }
  void set_capacity(std::size_t n) { capacity_ = n; }
  [[nodiscard]] std::size_t open_descriptors() const { return by_fd_.size(); }

  [[nodiscard]] std::size_t room(int fd);

  // The system calls. Each returns what the real one does, with errno.
  int sys_socket();
  int sys_connect(int fd, const sockaddr* to);
  int sys_setsockopt(int fd, int level, int name, const void* value);
  int sys_getsockopt(int fd, int name, void* value);
  ssize_t sys_recv(int fd, void* to, std::size_t n, int flags);
  ssize_t sys_send(int fd, std::string_view bytes);
  int sys_shutdown(int fd);
  int sys_close(int fd);
  int sys_epoll_ctl(int fd, epoll_event* event);
  int sys_epoll_wait(epoll_event* events, int max, int timeout);

 private:
  friend class Connection;
  ConnectionPtr make();
  ConnectionPtr find(int fd);

  Dice& dice_;
  std::map<int, ConnectionPtr> by_fd_;
  std::vector<ConnectionPtr> closed_;  ///< by the proxy; their peers still read
  TimePoint now_ = TimePoint{} + std::chrono::hours{1};
  Millis most_sleep_{0};
  std::size_t segment_ = 1 << 16;
  std::size_t capacity_ = 1 << 16;
  int next_fd_ = kFirstFd;
};

}  // namespace aralez::sim
