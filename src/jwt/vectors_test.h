#pragma once

#include <string_view>

namespace aralez::vectors {

// Made once with Python's cryptography and PyJWT; the private keys are gone, but for one that no
// test signs with. All tokens expire at 1600000010.
constexpr std::string_view kRsaPem =
    R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuiEbGTPpEcjHGWZQjapm
5v+bVa8kB7sHSwlbh2+dhLtvNRn6uDpUWEwuGV3QHgxJctGX39jy/f0G2w7fgsP3
KjOG8t+7/oF0WxD/HS0/Aft8w7zo4xbNhkmWD8Uq5s5Y6BK6+RBi9HCem8k6rcgL
7wg1zGvkPcxU+ORfXVBiLzwxwuXLzuXLOOsl/84B9wMFxyffRwD+Jb1dtjnWYl43
EIR8sSURLAgbBGFNgappDMRERME5ORsaMHcnlWHsMaEzLtTCWlW7r2Pn3cIfLRw8
DzOaE9o9VwOMewNSaqjA5Wv5zbo2V7pkVgu/5qtF9f5Mi2H3GkBaUK2jQhLkFwda
xwIDAQAB
-----END PUBLIC KEY-----
)";
constexpr std::string_view kWeakPem =
    R"(-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDF27Sz9ey36HM7MZJsxUxudvO9
qQyHjee43elt+y8wr5IMkIwQot6iQaNI5eRwod/0BwvKce9H9FCjtjkeMPH+8G40
T6LLJJyrznkEXrhQ0ygTPAd09QqVcapNrowMP/Ru3TeP/T7+q6CJrQXNCazM+mCx
0i+S1x8JVmyAJHXpcwIDAQAB
-----END PUBLIC KEY-----
)";
constexpr std::string_view kP256Pem =
    R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+NufG9ti4dhgbo3FjszaEgc8qM/S
/aQjASLaKlYLRzIL4MnjUu8X7MK7ROrLvmM3Xw5mcbpNVsax/KUTQCT5ug==
-----END PUBLIC KEY-----
)";
constexpr std::string_view kP384Pem =
    R"(-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE/VMJewlW+LtHvJ9et8/AFz/MBdNdiUqj
yHBuX4QsG887ow/twUxTIj7pdwSUz6SO9Qloz3QcReGoJfKkaYW+cFkBk9InLska
EcSaBdbSPJH4aNlInO68ByIq4xoifVnG
-----END PUBLIC KEY-----
)";
constexpr std::string_view kK1Pem =
    R"(-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEQTcTVfRk9agQ9LfK5BlgCdjy6Nf+O2CT
wYHyLTIfiC4v0uup1EFDP2vZhVFdxSVIMra1GR25RSOfwj0oeYIRoA==
-----END PUBLIC KEY-----
)";
constexpr std::string_view kEdPem =
    R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAjeh0G21A509ozkRlrawWCl6ox+Gi8lGJcdME6gQBQf4=
-----END PUBLIC KEY-----
)";
constexpr std::string_view kPrivatePem =
    R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdSAn3/iISaoyd43w
fkaiIYlTEbUZrqLvymNYJ9biboGhRANCAAT4258b22Lh2GBujcWOzNoSBzyoz9L9
pCMBItoqVgtHMgvgyeNS7xfswrtE6su+YzdfDmZxuk1WxrH8pRNAJPm6
-----END PRIVATE KEY-----
)";
constexpr std::string_view kRs256Token =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2MDAwMDAwMTAsInN1YiI6InUifQ.g3AizzmxJLQOuV"
    "abq8RgEea9GrtED7oVe0NDmGbuzzNVaDB5NmAwd1fTO9xk-"
    "VXKoOVhqYKaqO0xayzAugwOu010qHBnWNyVIuqZ1dH98sglZ56iIUfjqobLhyCSS-liQU9Jc56etArb79Tl4WYyVDB"
    "MS8qVXoBESOW6gOO76ayes9gxA7JYue3-IpIuB9ufRtH4R_lgOQqIJQfN8-"
    "EGzh1cf80ydT_Rwvc4UYKFrbyNHLr0kit9hvS4rzyHwvA6NcOKpIOw-"
    "q3lZVfwvbsxHfVls1nS3cdtA0klQAbCFuhE3jk-xB8rGe2eG7kkL5s4bmSGuO0Hu_ZzFok6Z9Uo2Q";
constexpr std::string_view kPs256Token =
    "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2MDAwMDAwMTAsInN1YiI6InUifQ.L3JxJYv02dHQJt"
    "vEABbALAuLCfWAZjW1XMI5SWd0JMGASwODbJmRDAuTJpf3FFSgYYxeN9gMeYwx3q3CCWcJOtf5_3c3uDy2XD4efMyd"
    "hClIxPxX9nr8TUxMZClhZKi6dkAdDVbD7u9to__pFYFR8k9F9IHCsSOzHKJ2YyVKNb47GlsrlYZz3yidO92zPJG8T7"
    "mXwLjKNcOiqjP2BixBB8gYloUi9LCGBCr6vf-"
    "sTvLfLysNSegyoklpoo5V28GpKyyIi9GWFvPcaQAwoft2nlVGtbji4HENHE4L8Ny-"
    "dt3aYNwSdcdiUgE8ANAN7SZJyQyBlSl0GywB781ZDBu-uw";
constexpr std::string_view kEs256Token =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9uZSIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2MDAwMDAwMTAsInN1YiI6InUif"
    "Q.5A06GvxuehzSUcBup27c3mb8sexEqH62hAjuz9NDAZp5WtcsfmHCGrRZnDlebR9llZgbnka1LPYVdUNAvkFmig";
constexpr std::string_view kEs384Token =
    "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2MDAwMDAwMTAsInN1YiI6InUifQ.N-"
    "XsAAx23e34ZXIdNUd2eN4esgz4y1xr87vvtA30luatfnCLdEq6fV0vdKPwTYXZlB6FzO-"
    "cmuWuAjKlUzzp79A7B7LknHY6m2SVGySJ17cnCibBrlbYHGCkdGkEBYIU";
constexpr std::string_view kEdDsaToken =
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2MDAwMDAwMTAsInN1YiI6InUifQ.W6bxaWGFHaepqu"
    "VtJ-CavkxD0WLWUyQpiO2PhxaWfKOqaBI3MZzbMnmpQa628bVFuvlcYB-BY3XpcgCI_w-gCw";
constexpr std::string_view kConfusedToken =
    "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJleHAiOiAxNjAwMDAwMDEwLCAic3ViIjogInUifQ.F-"
    "4kxHtXs3uUeyxM0BZ8yj7r-_RET9_0CR_MPTwfgwk";
constexpr std::string_view kJwks =
    R"({
 "keys": [
  {
   "kty": "RSA",
   "use": "sig",
   "alg": "PS256",
   "kid": "ps",
   "n": "uiEbGTPpEcjHGWZQjapm5v-bVa8kB7sHSwlbh2-dhLtvNRn6uDpUWEwuGV3QHgxJctGX39jy_f0G2w7fgsP3KjOG8t-7_oF0WxD_HS0_Aft8w7zo4xbNhkmWD8Uq5s5Y6BK6-RBi9HCem8k6rcgL7wg1zGvkPcxU-ORfXVBiLzwxwuXLzuXLOOsl_84B9wMFxyffRwD-Jb1dtjnWYl43EIR8sSURLAgbBGFNgappDMRERME5ORsaMHcnlWHsMaEzLtTCWlW7r2Pn3cIfLRw8DzOaE9o9VwOMewNSaqjA5Wv5zbo2V7pkVgu_5qtF9f5Mi2H3GkBaUK2jQhLkFwdaxw",
   "e": "AQAB"
  },
  {
   "kty": "EC",
   "crv": "P-256",
   "kid": "one",
   "x": "-NufG9ti4dhgbo3FjszaEgc8qM_S_aQjASLaKlYLRzI",
   "y": "C-DJ41LvF-zCu0Tqy75jN18OZnG6TVbGsfylE0Ak-bo"
  },
  {
   "kty": "OKP",
   "crv": "Ed25519",
   "x": "jeh0G21A509ozkRlrawWCl6ox-Gi8lGJcdME6gQBQf4",
   "alg": "EdDSA"
  },
  {
   "kty": "EC",
   "crv": "secp256k1",
   "x": "AA",
   "y": "AA"
  },
  {
   "kty": "new"
  },
  {
   "kty": "RSA",
   "use": "enc",
   "n": "uiEbGTPpEcjHGWZQjapm5v-bVa8kB7sHSwlbh2-dhLtvNRn6uDpUWEwuGV3QHgxJctGX39jy_f0G2w7fgsP3KjOG8t-7_oF0WxD_HS0_Aft8w7zo4xbNhkmWD8Uq5s5Y6BK6-RBi9HCem8k6rcgL7wg1zGvkPcxU-ORfXVBiLzwxwuXLzuXLOOsl_84B9wMFxyffRwD-Jb1dtjnWYl43EIR8sSURLAgbBGFNgappDMRERME5ORsaMHcnlWHsMaEzLtTCWlW7r2Pn3cIfLRw8DzOaE9o9VwOMewNSaqjA5Wv5zbo2V7pkVgu_5qtF9f5Mi2H3GkBaUK2jQhLkFwdaxw",
   "e": "AQAB"
  }
 ]
})";

}  // namespace aralez::vectors
