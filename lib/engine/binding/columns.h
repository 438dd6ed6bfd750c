#pragma once
// Examples side by side, as the sparse ops compute them, and other matrices the other way round.
#include "kernel.h"

namespace twotemp {

// Eight vectors of eight values, the other way round.
inline void Transpose(Lanes (&v)[lanes]) {
  using Order = int32_t __attribute__((vector_size(32)));
  Lanes pairs[lanes], fours[lanes];
  for (int k = 0; k < 8; k += 2) {
    pairs[k] = __builtin_shuffle(v[k], v[k + 1], Order{0, 8, 1, 9, 4, 12, 5, 13});
    pairs[k + 1] = __builtin_shuffle(v[k], v[k + 1], Order{2, 10, 3, 11, 6, 14, 7, 15});
  }
  for (int k = 0; k < 8; k += 4) {
    for (int j = 0; j < 2; j++) {
      fours[k + 2 * j] = __builtin_shuffle(pairs[k + j], pairs[k + j + 2], Order{0, 1, 8, 9, 4, 5, 12, 13});
      fours[k + 2 * j + 1] = __builtin_shuffle(pairs[k + j], pairs[k + j + 2], Order{2, 3, 10, 11, 6, 7, 14, 15});
    }
  }
  for (int k = 0; k < 4; k++) {
    v[k] = __builtin_shuffle(fours[k], fours[k + 4], Order{0, 1, 2, 3, 8, 9, 10, 11});
    v[k + 4] = __builtin_shuffle(fours[k], fours[k + 4], Order{4, 5, 6, 7, 12, 13, 14, 15});
  }
}

// Some values of up to `together` examples, which start `apart` from each other, to [width, together], where the values start `step`
// from each other; missing examples become zeros.
inline void Gather(const float* rows, int64_t count, int64_t apart, int64_t width, int64_t together, float* columns, int64_t step) {
  for (int64_t row = 0; row < together; row += lanes) {
    const int64_t here = std::clamp<int64_t>(count - row, 0, lanes);
    int64_t i = 0;
    for (; here == lanes && i + lanes <= width; i += lanes) {
      Lanes block[lanes];
      for (int64_t k = 0; k < lanes; k++) block[k] = Load(rows + (row + k) * apart + i);
      Transpose(block);
      for (int64_t k = 0; k < lanes; k++) Store(columns + (i + k) * step + row, block[k]);
    }
    for (; i < width; i++) {
      Lanes column = {};
      for (int64_t k = 0; k < here; k++) column[k] = rows[(row + k) * apart + i];
      Store(columns + i * step + row, column);
    }
  }
}

// And back.
inline void Scatter(const float* columns, int64_t step, int64_t count, int64_t apart, int64_t width, float* rows) {
  for (int64_t row = 0; row < count; row += lanes) {
    const int64_t here = std::min(lanes, count - row);
    int64_t i = 0;
    for (; here == lanes && i + lanes <= width; i += lanes) {
      Lanes block[lanes];
      for (int64_t k = 0; k < lanes; k++) block[k] = Load(columns + (i + k) * step + row);
      Transpose(block);
      for (int64_t k = 0; k < lanes; k++) Store(rows + (row + k) * apart + i, block[k]);
    }
    for (; i < width; i++) {
      for (int64_t k = 0; k < here; k++) rows[(row + k) * apart + i] = columns[i * step + row + k];
    }
  }
}

}  // namespace twotemp
