#include "filter/filter.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

class Noted final : public Filter {
 public:
  Noted(std::string& log, std::string name, Verdict verdict = Verdict::proceed)
      : log_(log), name_(std::move(name)), verdict_(verdict) {}
  Verdict on_request_head(RequestContext&, Reply&) const override {
    log_ += name_;
    return verdict_;
  }
  void on_response_head(RequestContext&, Head&) const override { log_ += name_; }
  [[nodiscard]] std::string describe() const override { return name_; }

 private:
  std::string& log_;
  std::string name_;
  Verdict verdict_;
};

class Chain : public ::testing::Test {
 protected:
  std::string log_;
  FilterChain chain_;
  BlockPool pool_;
  Arena arena_{pool_};
  Head head_;
  TargetPath path_;
  ClientInfo client_;
  Reply reply_;
  std::size_t next_ = 0;
  RequestContext context_{head_, path_, "a", client_, arena_, pool_, 0};
};

TEST_F(Chain, runs_in_order_on_the_way_in_and_in_reverse_on_the_way_out) {
  for (const auto* name : {"a", "b", "c"}) chain_.add(std::make_unique<Noted>(log_, name));
  EXPECT_EQ(chain_.on_request_head(context_, reply_, next_), Verdict::proceed);
  log_ += "|";
  chain_.on_response_head(context_, head_);
  EXPECT_EQ(log_, "abc|cba");
}

TEST_F(Chain, nothing_behind_a_filter_that_answers_sees_the_request) {
  chain_.add(std::make_unique<Noted>(log_, "a"));
  chain_.add(std::make_unique<Noted>(log_, "b", Verdict::replied));
  chain_.add(std::make_unique<Noted>(log_, "c"));
  EXPECT_EQ(chain_.on_request_head(context_, reply_, next_), Verdict::replied);
  EXPECT_EQ(log_, "ab");
}

TEST_F(Chain, goes_on_behind_a_filter_that_waited) {
  chain_.add(std::make_unique<Noted>(log_, "a", Verdict::wait));
  chain_.add(std::make_unique<Noted>(log_, "b"));
  EXPECT_EQ(chain_.on_request_head(context_, reply_, next_), Verdict::wait);
  EXPECT_EQ(chain_.on_request_head(context_, reply_, next_), Verdict::proceed);
  EXPECT_EQ(log_, "ab");
}

TEST_F(Chain, without_filters_lets_everything_through) {
  EXPECT_EQ(chain_.on_request_head(context_, reply_, next_), Verdict::proceed);
}

}  // namespace
}  // namespace aralez
