#pragma once

#include <cassert>

namespace aralez {

/// A place in a list, a member of what is listed. Unlinks itself when destroyed.
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  [[nodiscard]] bool linked() const noexcept { return next_ != this; }
  void unlink() noexcept {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }

 private:
  template <class>
  friend class IntrusiveList;
  ListNode* prev_ = this;
  ListNode* next_ = this;
};

/// Doubly linked, owns nothing. T derives from ListNode (or from a tag class that does).
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() = default;
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) head_.next_->unlink();
  }

  [[nodiscard]] bool empty() const noexcept { return !head_.linked(); }
  void push_back(T& t) noexcept { insert_before(head_, t); }
  void push_front(T& t) noexcept { insert_before(*head_.next_, t); }
  /// Pre: !empty().
  [[nodiscard]] T& front() noexcept { return static_cast<T&>(*head_.next_); }
  [[nodiscard]] T& back() noexcept { return static_cast<T&>(*head_.prev_); }
  T& pop_front() noexcept {
    T& t = front();
    static_cast<ListNode&>(t).unlink();
    return t;
  }
  /// In order; `f` may not change the list.
  template <class F>
  void each(F&& f) {
    for (ListNode* n = head_.next_; n != &head_; n = n->next_) f(static_cast<T&>(*n));
  }
  /// Moves everything over; afterwards this is empty.
  void splice_to(IntrusiveList& to) noexcept {
    while (!empty()) to.push_back(pop_front());
  }

 private:
  void insert_before(ListNode& at, ListNode& n) noexcept {
    assert(!n.linked());
    n.prev_ = at.prev_;
    n.next_ = &at;
    at.prev_->next_ = &n;
    at.prev_ = &n;
  }
  ListNode head_;
};

}  // namespace aralez
