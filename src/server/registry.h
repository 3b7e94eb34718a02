#pragma once

#include "admin/access.h"
#include "control/build/build.h"
#include "control/discovery/service_registry.h"
#include "control/keys/key_store.h"
#include "filter/auth/basic/accounts.h"
#include "filter/auth/forward/servers.h"
#include "filter/auth/shared.h"
#include "filter/limits/shared.h"
#include "filter/question_marks.h"
#include "filter/request_id/request_id.h"
#include "filter/sticky/book.h"
#include "tls/random.h"

namespace aralez {

/// The registry of the provider, which is not `file`. The one place that names them all.
[[nodiscard]] std::unique_ptr<ServiceRegistry> make_registry(const UpstreamsConfig& config);

/// A list of credentials as a T, one for all routes in a row that have the same: with a global list
/// that is all of them.
template <class T>
class LastList {
 public:
  std::shared_ptr<const T> of(const std::vector<std::string>& entries, std::string_view key) {
    if (auto made = made_.lock(); made && entries == entries_) return made;
    auto made = std::make_shared<T>(key);
    for (const std::string& entry : entries) made->add(entry);
    entries_ = entries;
    made_ = made;
    return made;
  }

 private:
  std::vector<std::string> entries_;
  std::weak_ptr<const T> made_;
};

/// What the features of the program share over all generations of the configuration and all
/// workers. Made before the workers, outlives them; one per process.
class Features {
 public:
  Features(const MainConfig& main, Logger& logger);

  /// Before the first chain of a program that serves: from now on things are fetched for routes.
  void start() { keys_.start(); }

  /// The filters of a route in the order they run (behaviour section 3.3). The one place that names
  /// them all: a new filter adds a line here.
  [[nodiscard]] FilterChain make_chain(const RouteConfig& route);
  /// Of wrong keys of the API.
  [[nodiscard]] KeyThrottle api_key_throttle();
  /// When the workers have ended, and before they are gone.
  void stop() { auth_.stop(); }

 private:
  [[nodiscard]] std::unique_ptr<const Filter> auth(const RouteConfig& route);
  [[nodiscard]] std::unique_ptr<const Filter> jwt(const RouteConfig& route,
                                                  const AuthConfig& wanted);
  [[nodiscard]] std::unique_ptr<const Filter> sticky(const RouteConfig& route);

  const MainConfig& main_;
  AuthShared auth_;
  LastList<Accounts> accounts_;
  LastList<SecretSet> api_keys_;
  KeyStore keys_;
  LimitShared limits_;
  StickyBook sticky_;
  ForwardServers forward_;
  QuestionMarks question_marks_;
  const RequestIdFilter::Seed request_ids_ = random_value<RequestIdFilter::Seed>();
  const std::uint64_t loop_key_ = random_value<std::uint64_t>();
};

}  // namespace aralez
