#include "filter/limits/shared.h"

#include <sys/random.h>

#include <random>

namespace aralez {

LimitShared::LimitShared() {
  if (::getrandom(&secret_, sizeof secret_, 0) != sizeof secret_) {
    std::random_device device;
    secret_ = std::uint64_t{device()} << 32U | device();
  }
}

}  // namespace aralez
