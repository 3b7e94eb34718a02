#include "filter/request_id/request_id.h"

#include <gtest/gtest.h>

#include <set>

#include "http/worker_context.h"
#include "io/cidr.h"

namespace aralez {
namespace {

class RequestId : public ::testing::Test {
 protected:
  /// The field after the filter, which must be there once.
  std::string run(std::string_view given = {}) {
    counters_.add(Counter::requests_started);
    request_.fields = Fields();
    if (given.data()) request_.fields.add(arena_, {"x-request-id", given});
    Reply reply;
    EXPECT_EQ(filter_.on_request_head(context_, reply), Verdict::proceed);
    EXPECT_EQ(request_.fields.size(), 1U);
    return std::string(request_.fields.begin()->value);
  }

  const RequestIdFilter filter_{{.high = 1, .low = 2}};
  BlockPool pool_;
  Arena arena_{pool_};
  Head request_;
  TargetPath path_;
  const AddressSet proxies_;
  ClientInfo client_{.ip = "192.0.2.7"};
  Reactor reactor_;
  CounterBlock counters_;
  WorkerContext worker_{.reactor = reactor_, .counters = counters_};
  RequestContext context_{request_, path_, "a.test", client_, arena_, pool_, 0, &worker_};
};

TEST_F(RequestId, every_request_of_every_worker_has_its_own) {
  std::set<std::string> seen;
  for (std::size_t w = 0; w < 3; ++w) {
    worker_.index = w;
    for (int i = 0; i < 300; ++i) {
      const std::string id = run();
      EXPECT_EQ(id.size(), 32U);
      EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
      EXPECT_TRUE(seen.insert(id).second);
    }
  }
}

TEST_F(RequestId, only_a_trusted_proxy_is_believed) {
  EXPECT_NE(run("theirs"), "theirs");
  client_.trusted = &proxies_;
  EXPECT_EQ(run("theirs"), "theirs");
  EXPECT_EQ(run().size(), 32U);
}

TEST_F(RequestId, what_cannot_be_a_name_is_replaced) {
  client_.trusted = &proxies_;
  for (const std::string& bad : {std::string("a b"), std::string("\x80"), std::string(129, 'x')})
    EXPECT_NE(run(bad), bad);
  EXPECT_EQ(run("").size(), 32U);
  EXPECT_EQ(run(std::string(128, 'x')), std::string(128, 'x'));
}

}  // namespace
}  // namespace aralez
