#pragma once

#include <expected>
#include <functional>
#include <string>

#include "admin/access.h"
#include "admin/challenge_responder.h"
#include "admin/page.h"
#include "admin/status_report.h"
#include "control/acme/certificate_orders.h"
#include "control/reload/reloader.h"
#include "http/offloaded_step.h"
#include "io/job_pool.h"

namespace aralez {

/// What the API needs of the rest of the program; all of it outlives the service.
struct AdminServices {
  AccessConfig access;
  KeyThrottle throttle = {};
  bool config_api_enabled = false;
  const ConfigState& config;
  /// On a thread of the service.
  std::function<StatusInput()> read_status;
  /// On a thread of the service. As Reloader::submit.
  std::function<std::expected<void, std::string>(std::string, Reloader::Save)> submit;
  /// Both on a thread of the service, for as long as the authority takes. As CertificateOrders.
  std::function<std::expected<std::string, std::string>()> create_account;
  std::function<std::expected<CertificateOrders::Outcome, std::string>(std::string_view)>
      order_certificate;
  std::shared_ptr<const ChallengeTable> challenges;
};

/// Answers what comes to config_address (behaviour section 12).
class AdminService final : public Responder {
 public:
  explicit AdminService(AdminServices services)
      : services_(std::move(services)), access_(services_.access) {}

  [[nodiscard]] std::size_t max_body(const RequestContext& request) const override;
  [[nodiscard]] Verdict respond(RequestContext& request, const Chain& body,
                                Reply& reply) const override;
  /// When the workers have ended, and before they are gone.
  void stop() {
    order_jobs_.stop();
    jobs_.stop();
  }

 private:
  /// How long this request has to wait for its key to be looked at.
  [[nodiscard]] Millis shut_out(const RequestContext& request, Call call) const;
  void note_wrong_key(const RequestContext& request) const;
  [[nodiscard]] Verdict page(RequestContext& request, Reply& reply) const;
  [[nodiscard]] Verdict conf(RequestContext& request, const Chain& body, Reply& reply) const;
  [[nodiscard]] Verdict jwt(RequestContext& request, const Chain& body, Reply& reply) const;
  [[nodiscard]] Verdict status(RequestContext& request, Reply& reply) const;
  [[nodiscard]] Verdict metrics(RequestContext& request, Reply& reply) const;
  [[nodiscard]] Verdict acme_create(RequestContext& request, Reply& reply) const;
  [[nodiscard]] Verdict acme_order(RequestContext& request, std::string_view name,
                                   Reply& reply) const;
  /// Answers 200 with what `make` gives, made on a thread of the service: with many routes that
  /// takes too long for a worker.
  [[nodiscard]] Verdict made_later(RequestContext& request, Reply& reply, std::string_view type,
                                   std::move_only_function<std::string()> make) const;
  [[nodiscard]] static Verdict later(RequestContext& request, Reply& reply, JobPool& pool,
                                     OffloadedJob job);

  /// A configuration that is being applied holds up nobody who looks.
  static constexpr std::size_t kThreads = 2;
  static constexpr std::size_t kMaxJobs = 32;
  /// Orders wait for an authority, for minutes: they have threads of their own.
  static constexpr std::size_t kOrderThreads = 8;

  const AdminServices services_;
  const AccessRules access_;
  const std::string page_policy_ = page_policy();
  mutable JobPool jobs_{kThreads, kMaxJobs};
  mutable JobPool order_jobs_{kOrderThreads, kMaxJobs};
};

}  // namespace aralez
