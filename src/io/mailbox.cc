#include "io/mailbox.h"

#include <sys/eventfd.h>

#include <cstdint>

namespace aralez {

Mailbox::Mailbox() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void Mailbox::post(Letter letter) {
  {
    const std::lock_guard lock(mutex_);
    letters_.push_back(std::move(letter));
  }
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the owner is awake anyway.
  [[maybe_unused]] const auto n = ::write(event_.get(), &one, sizeof one);
}

void Mailbox::deliver() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto n = ::read(event_.get(), &count, sizeof count);
  std::vector<Letter> now;
  {
    const std::lock_guard lock(mutex_);
    now.swap(letters_);
  }
  for (auto& letter : now) letter();
}

}  // namespace aralez
