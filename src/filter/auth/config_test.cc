#include "filter/auth/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "jwt/vectors_test.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Read {
  explicit Read(const std::string& yaml) {
    const auto document = parse_yaml(yaml, "up.yaml", diagnostics);
    if (document) config = parse_auth(document->root(), diagnostics);
  }
  [[nodiscard]] std::string said() const { return diagnostics.render(); }
  Diagnostics diagnostics;
  std::optional<AuthConfig> config;
};

std::string indented(std::string_view text) {
  std::string out = "type: jwt\ndata: |\n  ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out + "\n";
}

TEST(AuthConfigTest, basic_takes_passwords_and_hashes) {
  const Read r(
      "type: basic\ndata:\n- ops:s3cret\n"
      "- 'ann:$2b$04$7ywvuQffn4KaHGPugekrtu9CafubevfTqbUPxotOJJ3dJot9FwujC'\n");
  ASSERT_TRUE(r.config) << r.said();
  EXPECT_EQ(r.config->data.size(), 2U);
}

TEST(AuthConfigTest, a_strange_or_slow_hash_is_an_error_with_its_line) {
  const Read r("type: basic\ndata:\n- ops:s3cret\n- 'ann:$apr1$hunter2$x'\n- 'b:{SHA}hunter2'\n");
  EXPECT_FALSE(r.config);
  EXPECT_THAT(r.said(), HasSubstr("up.yaml:4:3: data[2]: a hash that is damaged or not known"));
  EXPECT_THAT(r.said(), HasSubstr("up.yaml:5:3: data[3]: a hash"));
  EXPECT_THAT(r.said(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(
      Read("type: basic\ndata: 'a:$2b$31$7ywvuQffn4KaHGPugekrtu9CafubevfTqbUPxotOJJ3dJot9FwujC'")
          .said(),
      HasSubstr("takes more than a second"));
}

TEST(AuthConfigTest, jwt_data_is_told_by_its_content) {
  const auto kind = [](const std::string& yaml) {
    const Read r(yaml);
    EXPECT_TRUE(r.config) << r.said();
    return r.config ? r.config->jwt_key : JwtKey::secret;
  };
  EXPECT_EQ(kind("type: jwt"), JwtKey::secret);
  EXPECT_EQ(kind("type: jwt\ndata: 'Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy'"), JwtKey::secret);
  EXPECT_EQ(kind("type: jwt\ndata: https://id.test/jwks"), JwtKey::url);
  EXPECT_EQ(kind(indented(vectors::kRsaPem)), JwtKey::keys);
  EXPECT_EQ(kind(indented(vectors::kJwks)), JwtKey::keys);
  const auto path = std::filesystem::temp_directory_path() /
                    ("aralez-auth-config-" + std::to_string(::getpid()) + ".json");
  std::ofstream(path) << vectors::kJwks;
  EXPECT_EQ(kind("type: jwt\nissuer: i\naudience: a\ndata: " + path.string()), JwtKey::file);
  std::ofstream(path) << "hunter2";
  EXPECT_THAT(Read("type: jwt\ndata: " + path.string()).said(), HasSubstr("not JSON"));
  std::filesystem::remove(path);
}

TEST(AuthConfigTest, what_looks_like_keys_is_never_a_secret) {
  struct Case {
    std::string data;
    std::string_view said;
  };
  for (const Case& c : {Case{"/no/such/hunter2", "not readable"}, Case{"./hunter2", "not readable"},
                        Case{"hunter2.pem", "not readable"}, Case{"hunter2.json", "not readable"},
                        Case{"'http://id.test/hunter2'", "https:// only"},
                        Case{"'https://:1/hunter2'", "no usable host"},
                        Case{"'https://u:hunter2@id.test/'", "user name"},
                        Case{"'{\"keys\":[]} '", "no key in it"}, Case{"'{hunter2'", "not JSON"}}) {
    const Read r("type: jwt\ndata: " + c.data);
    EXPECT_FALSE(r.config) << c.data;
    EXPECT_THAT(r.said(), HasSubstr(std::string(c.said)));
    EXPECT_THAT(r.said(), Not(HasSubstr("hunter2")));
  }
  EXPECT_THAT(Read(indented(vectors::kWeakPem)).said(), HasSubstr("1024 bits is too weak"));
  EXPECT_THAT(Read(indented(vectors::kPrivatePem)).said(), HasSubstr("a private key"));
}

TEST(AuthConfigTest, a_short_secret_is_warned_of) {
  const Read r("type: jwt\ndata: hunter2");
  EXPECT_TRUE(r.config);
  EXPECT_THAT(r.said(), HasSubstr("warning"));
  EXPECT_THAT(r.said(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace aralez
