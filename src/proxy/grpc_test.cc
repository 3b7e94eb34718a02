#include "proxy/grpc.h"

#include <gtest/gtest.h>

#include "proxy/local_reply.h"

namespace aralez {
namespace {

TEST(GrpcErrors, are_for_calls_of_grpc_alone) {
  BlockPool pool;
  Arena arena(pool);
  const auto speaks = [&arena](std::string_view type) {
    Head head;
    head.fields.add(arena, {"Content-Type", type, FieldId::content_type});
    return speaks_grpc(head);
  };
  for (const auto* yes : {"application/grpc", "application/grpc+proto", "Application/gRPC;x=1"})
    EXPECT_TRUE(speaks(yes)) << yes;
  for (const auto* no : {"application/grpc-web", "application/json", "application/grp", ""})
    EXPECT_FALSE(speaks(no)) << no;
  EXPECT_FALSE(speaks_grpc(Head()));
}

TEST(GrpcErrors, have_the_status_that_grpc_maps_http_to) {
  BlockPool pool;
  Arena arena(pool);
  struct Case {
    int http;
    std::string_view grpc;
  };
  for (const Case& c :
       {Case{400, "13"}, Case{401, "16"}, Case{403, "7"}, Case{404, "12"}, Case{429, "14"},
        Case{502, "14"}, Case{503, "14"}, Case{504, "14"}, Case{413, "2"}, Case{500, "2"}}) {
    Reply r;
    r.status = static_cast<std::uint16_t>(c.http);
    r.reason = Reason::connect_failed;
    fill_refusal(r, arena, pool);
    make_grpc_error(r, arena, HttpVersion::http2);
    EXPECT_EQ(r.status, 200);
    EXPECT_TRUE(r.body.empty());
    EXPECT_EQ(r.length.kind, BodyLength::Kind::none);
    ASSERT_NE(r.fields.find("grpc-status"), nullptr);
    EXPECT_EQ(r.fields.find("grpc-status")->value, c.grpc) << c.http;
    EXPECT_EQ(r.fields.find("grpc-message")->value, text_of(Reason::connect_failed));
    EXPECT_EQ(r.fields.value(FieldId::content_type), "application/grpc");
  }
}

TEST(GrpcErrors, have_a_length_where_the_client_speaks_http1) {
  BlockPool pool;
  Arena arena(pool);
  Reply r;
  r.status = 502;
  make_grpc_error(r, arena, HttpVersion::http11);
  EXPECT_EQ(r.length.kind, BodyLength::Kind::known);
  EXPECT_EQ(r.length.bytes, 0U);
}

TEST(GrpcStatus, is_read_where_it_is_a_number) {
  BlockPool pool;
  Arena arena(pool);
  const auto read = [&arena](std::string_view value) {
    Fields fields;
    fields.add(arena, {"Grpc-Status", value});
    return grpc_status_in(fields);
  };
  EXPECT_EQ(read("0"), 0);
  EXPECT_EQ(read("16"), 16);
  EXPECT_EQ(read("07"), 7);
  EXPECT_EQ(read("255"), 255);
  for (const auto* none : {"", "-1", "256", "5x", " 5", "OK"})
    EXPECT_EQ(read(none), std::nullopt) << none;
  EXPECT_EQ(grpc_status_in(Fields()), std::nullopt);
}

}  // namespace
}  // namespace aralez
