#include "filter/forwarded/forwarded.h"

#include <gtest/gtest.h>

#include "io/cidr.h"

namespace aralez {
namespace {

class Forwarded : public ::testing::Test {
 protected:
  void run() {
    Reply reply;
    EXPECT_EQ(ForwardedFilter(marks_).on_request_head(context_, reply), Verdict::proceed);
  }
  std::string all(FieldId id) {
    std::string out;
    for (const Field& f : request_.fields)
      if (f.id == id) out.append(out.empty() ? "" : "|").append(f.value);
    return out;
  }

  QuestionMarks marks_{""};
  BlockPool pool_;
  Arena arena_{pool_};
  Head request_;
  TargetPath path_;
  ClientInfo client_{.ip = "192.0.2.7", .peer_ip = "192.0.2.7"};
  RequestContext context_{request_, path_, "a.test", client_, arena_, pool_, 0};
};

TEST_F(Forwarded, tells_who_asked_and_how) {
  request_.authority = "A.test:8080";
  run();
  EXPECT_EQ(all(FieldId::x_forwarded_for), "192.0.2.7");
  EXPECT_EQ(all(FieldId::x_forwarded_proto), "http");
  EXPECT_EQ(all(FieldId::x_forwarded_host), "A.test:8080");
  EXPECT_EQ(all(FieldId::x_real_ip), "192.0.2.7");
}

TEST_F(Forwarded, merges_the_chain_of_the_client_into_one_line_and_appends) {
  request_.fields.add(arena_, {"X-Forwarded-For", "10.0.0.1", FieldId::x_forwarded_for});
  request_.fields.add(arena_, {"X-Forwarded-For", "", FieldId::x_forwarded_for});
  request_.fields.add(arena_, {"X-Other", "o"});
  request_.fields.add(arena_, {"x-forwarded-for", "10.0.0.2, 10.0.0.3", FieldId::x_forwarded_for});
  run();
  EXPECT_EQ(all(FieldId::x_forwarded_for), "10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.7");
  EXPECT_EQ(request_.fields.begin()->name, "X-Other");
}

TEST_F(Forwarded, believes_no_client_about_address_scheme_or_host) {
  client_.tls = true;
  request_.authority = "real.test";
  request_.fields.add(arena_, {"X-Real-IP", "10.0.0.1", FieldId::x_real_ip});
  request_.fields.add(arena_, {"X-Forwarded-Proto", "http", FieldId::x_forwarded_proto});
  request_.fields.add(arena_, {"X-Forwarded-Host", "evil.test", FieldId::x_forwarded_host});
  request_.fields.add(arena_, {"Forwarded", "for=10.0.0.1", FieldId::forwarded});
  run();
  EXPECT_EQ(all(FieldId::x_real_ip), "192.0.2.7");
  EXPECT_EQ(all(FieldId::x_forwarded_proto), "https");
  EXPECT_EQ(all(FieldId::x_forwarded_host), "real.test");
  EXPECT_EQ(all(FieldId::forwarded), "");
}

TEST_F(Forwarded, appends_the_proxy_and_names_the_client_behind_it) {
  const AddressSet trusted;
  client_.trusted = &trusted;
  client_.peer_ip = "10.0.0.1";
  client_.tls = true;
  request_.authority = "real.test";
  request_.fields.add(arena_, {"X-Forwarded-For", "192.0.2.7", FieldId::x_forwarded_for});
  request_.fields.add(arena_, {"X-Real-IP", "198.51.100.1", FieldId::x_real_ip});
  run();
  EXPECT_EQ(all(FieldId::x_forwarded_for), "192.0.2.7, 10.0.0.1");
  EXPECT_EQ(all(FieldId::x_real_ip), "192.0.2.7") << "as limits and logs have it";
  EXPECT_EQ(all(FieldId::x_forwarded_proto), "https");
  EXPECT_EQ(all(FieldId::x_forwarded_host), "real.test");
}

TEST_F(Forwarded, keeps_what_a_trusted_proxy_says_of_scheme_and_host) {
  const AddressSet trusted;
  client_.trusted = &trusted;
  request_.authority = "inner.test";
  request_.fields.add(arena_, {"X-Forwarded-Proto", "https", FieldId::x_forwarded_proto});
  request_.fields.add(arena_, {"X-Forwarded-Host", "shown.test", FieldId::x_forwarded_host});
  request_.fields.add(arena_, {"Forwarded", "for=192.0.2.7", FieldId::forwarded});
  run();
  EXPECT_EQ(all(FieldId::x_forwarded_proto), "https");
  EXPECT_EQ(all(FieldId::x_forwarded_host), "shown.test");
  EXPECT_EQ(all(FieldId::forwarded), "for=192.0.2.7");
}

TEST_F(Forwarded, takes_out_marks_that_were_made_elsewhere) {
  request_.fields.add(arena_, {"aralez-question", "forged", FieldId::aralez_question});
  run();
  EXPECT_EQ(all(FieldId::aralez_question), "");
  const std::string own = marks_.of("a.test", "/");
  request_.fields.add(arena_, {"aralez-question", own, FieldId::aralez_question});
  run();
  EXPECT_EQ(all(FieldId::aralez_question), own) << "the way may lead back yet";
}

}  // namespace
}  // namespace aralez
