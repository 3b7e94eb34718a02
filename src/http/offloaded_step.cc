#include "http/offloaded_step.h"

#include <memory>

#include "http/worker_context.h"

namespace aralez {
namespace {

/// Held by the job, then by the letter that brings its result. `driver` belongs to the worker's
/// thread.
struct Ticket final : PendingStep {
  explicit Ticket(RequestDriver& d) : driver(&d) {}
  void cancel() override { driver = nullptr; }
  RequestDriver* driver;
};

void finish(const Ticket& ticket, FinishStep& rest) {
  if (!ticket.driver) return;
  RequestContext request = ticket.driver->request_context();
  Reply reply;
  const Verdict verdict = rest(request, reply);
  ticket.driver->resume(verdict, std::move(reply));
}

}  // namespace

Verdict offload(RequestContext& request, JobPool& pool, OffloadedJob job) {
  auto ticket = std::make_shared<Ticket>(*request.driver);
  Mailbox& mailbox = request.worker->reactor.mailbox();
  const bool taken = pool.submit([ticket, &mailbox, job = std::move(job)]() mutable {
    mailbox.post([ticket = std::move(ticket), rest = job()]() mutable { finish(*ticket, rest); });
  });
  if (!taken) return Verdict::proceed;
  request.driver->wait_for(*ticket);
  return Verdict::wait;
}

}  // namespace aralez
