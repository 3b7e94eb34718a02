#include "control/fetch/curl_ptr.h"

#include <mutex>

namespace aralez {

void init_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace aralez
