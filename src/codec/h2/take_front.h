#pragma once

#include <algorithm>
#include <utility>

#include "base/chain.h"

namespace aralez::h2 {

/// The first `n` bytes of a piece, taken off it; credit is settled with the bytes it stands for.
/// Pre: n <= piece.size(), and it is no pipe.
inline Piece take_front(Piece& piece, std::uint64_t n) {
  if (n == piece.size()) return std::exchange(piece, Piece());
  const std::uint64_t credit = std::min(n, piece.credit());
  const std::uint64_t rest = piece.credit() - credit;
  Piece front = piece.kind() == Piece::Kind::file
                    ? Piece::file(piece.kernel(), piece.offset(), n)
                    : Piece(piece.slice().share(0, static_cast<std::size_t>(n)));
  front.with_credit(credit);
  piece.remove_prefix(n);
  piece.with_credit(rest);
  return front;
}

}  // namespace aralez::h2
