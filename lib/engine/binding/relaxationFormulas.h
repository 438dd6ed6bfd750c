// The formulas of relaxationStep.cc, which takes them in once for each length of vectors: WIDTH numbers, in the namespace VECTORS.
namespace VECTORS {

using Vector = float __attribute__((vector_size(4 * WIDTH), aligned(4)));
using Bits = int32_t __attribute__((vector_size(4 * WIDTH), aligned(4)));

// What the compiler doesn't make of plain vectors.
#if WIDTH == 16
inline Vector Smaller(Vector x, Vector y) { return _mm512_min_ps(x, y); }
inline Vector Larger(Vector x, Vector y) { return _mm512_max_ps(x, y); }
inline bool AnyAbove(Vector x, Vector y) { return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ); }
// Newton's step from the processor's estimate is faster than its division, and as exact but for the last bit.
inline Vector InverseOf(Vector x) {
  const Vector y = _mm512_rcp14_ps(x);
  return y + y * (1 - x * y);
}
inline Vector InverseRootOf(Vector x) {
  const Vector y = _mm512_rsqrt14_ps(x), inverse = y + 0.5f * y * (1 - x * y * y);
  // The step would give NaN for infinity.
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, FLT_MAX - Vector{}, _CMP_LE_OQ), inverse);
}
#else
inline Vector Smaller(Vector x, Vector y) { return Vector(_mm256_min_ps(x, y)); }
inline Vector Larger(Vector x, Vector y) { return Vector(_mm256_max_ps(x, y)); }
inline bool AnyAbove(Vector x, Vector y) { return _mm256_movemask_ps(_mm256_cmp_ps(x, y, _CMP_GT_OQ)); }
inline Vector InverseOf(Vector x) { return 1 / x; }
inline Vector InverseRootOf(Vector x) { return 1 / Vector(_mm256_sqrt_ps(x)); }
#endif

// As many gates as are computed side by side: each formula is a long chain, so that the processor works on four at once.
constexpr int side = 4;
constexpr int64_t block = side * WIDTH;
struct Gates {
  Vector part[side];
  Gates() = default;
  Gates(float x) {
    for (Vector& vector : part) vector = x - Vector{};
  }
};

template <class Of>
inline Gates Each(const Of& of) {
  Gates all;
#pragma GCC unroll 4
  for (int k = 0; k < side; k++) all.part[k] = of(k);
  return all;
}
inline Gates operator+(const Gates& x, const Gates& y) {
  return Each([&](int k) { return x.part[k] + y.part[k]; });
}
inline Gates operator-(const Gates& x, const Gates& y) {
  return Each([&](int k) { return x.part[k] - y.part[k]; });
}
inline Gates operator*(const Gates& x, const Gates& y) {
  return Each([&](int k) { return x.part[k] * y.part[k]; });
}
inline Gates Smaller(const Gates& x, const Gates& y) {
  return Each([&](int k) { return Smaller(x.part[k], y.part[k]); });
}
inline Gates Larger(const Gates& x, const Gates& y) {
  return Each([&](int k) { return Larger(x.part[k], y.part[k]); });
}
inline Gates InverseOf(const Gates& x) {
  return Each([&](int k) { return InverseOf(x.part[k]); });
}
inline Gates InverseRootOf(const Gates& x) {
  return Each([&](int k) { return InverseRootOf(x.part[k]); });
}
inline bool AnyBeyond(const Gates& x, float most) {
  const auto size = [&](int k) { return Vector(Bits(x.part[k]) & 0x7fffffff); };
  return AnyAbove(Larger(Larger(size(0), size(1)), Larger(size(2), size(3))), most - Vector{});
}
inline Gates Load(const float* from) {
  return Each([&](int k) { return *reinterpret_cast<const Vector*>(from + k * WIDTH); });
}
inline void Store(float* to, const Gates& values) {
  for (int k = 0; k < side; k++) *reinterpret_cast<Vector*>(to + k * WIDTH) = values.part[k];
}

// `2^(x scale)`, for exponents from -126 to 127; the next float or the one after. With `k` the nearest whole number, `2^f` of the
// rest `f` is the polynomial of its degree with the least largest error, 9e-8.
inline Gates PowerOfTwo(const Gates& x, float scale) {
  // A sum with this is rounded to a whole number, which is in its last bits.
  constexpr float rounding = 0x1.8p23f;
  const Gates shifted = x * scale + rounding, f = x * scale - (shifted - rounding);
  const Gates high = f * (f * 0x1.5bba14p-10f + 0x1.3cea88p-7f) + 0x1.c6b752p-5f;
  const Gates power = f * (f * (f * high + 0x1.ebf9bcp-3f) + 0x1.62e42ap-1f) + 1;
  return Each([&](int k) { return Vector(Bits(power.part[k]) + (Bits(shifted.part[k]) << 23)); });
}
constexpr float log2e = 0x1.715476p0f;

// The logits `x = 2 th p` with `p + sinh(2p)/2 = dual`, from those of before. With `h = tanh p` Newton's step is
// `t = (h + (p - dual)(1 - h^2))/2`, and the root lies `t + h t^2 + (5h^2 - 1)/3 t^3 + ...` away, a series whose next term is at most `2 t^4`.
// With `s` the logistic function of `2p`, `1 - h^2` is `4 s (1 - s)`: as a difference it would be lost to rounding where `h` is near 1.
inline Gates Invert(const Gates& dual, Gates x, float hot) {
  constexpr float nearEnough = 0.01f;
  const Gates twice = dual + dual;
  for (int step = 0; step < 2; step++) {
    const Gates power = PowerOfTwo(x, log2e / hot), inverse = InverseOf(power + 1), h = Gates(1) - inverse * 2, h2 = h * h;
    const Gates t = (x * (1 / hot) - twice) * (power * inverse * inverse) + (Gates(0.5f) - inverse);
    x = x - t * (t * (t * (h2 * (5.0f / 3) - 1.0f / 3) + h) + 1) * (2 * hot);
    if (!AnyBeyond(t, nearEnough)) break;
  }
  return x;
}

inline Gates Opened(const Gates& logits, float cold) { return InverseOf(PowerOfTwo(logits, -log2e / cold) + 1); }

inline Gates Priced(const Vectors& all, int64_t first) {
  return Load(all.at[gradient] + first) + (all.onePrice ? Gates(*all.at[price]) : Load(all.at[price] + first));
}

// A step of the gates from `first` on; those that it opens.
inline Gates StepFrom(const Options& options, const Vectors& all, int64_t first) {
  const auto at = [&](Stream stream) { return all.at[stream] + first; };
  const Gates g = Priced(all, first), summed = g * g + Load(at(squares));
  Store(at(squares), summed);
  const Gates moved = Load(at(dual)) - g * InverseRootOf(summed) * options.scale;
  const Gates y = Larger(Smaller(moved, options.most), -options.most);
  Store(at(dual), y);
  Store(at(products), g * Load(at(gates)) + Load(at(products)));
  Store(at(sums), g + Load(at(sums)));
  const Gates x = Invert(y, Load(at(logits)), options.hot);
  Store(at(logits), x);
  const Gates open = Opened(x, options.cold);
  Store(at(opened), open);
  if (options.looks) {
    Store(at(lowest), Smaller(x, Load(at(lowest))));
    Store(at(highest), Larger(x, Load(at(highest))));
  }
  return open;
}

// The sum of what work(vectors, first) gives for each block of gates; the last ones, if they are fewer, are copied and filled up.
template <class Work>
inline float SumOf(const Vectors& all, int64_t begin, int64_t end, const Work& work) {
  Vector total = {};
  int64_t first = begin;
  for (; first + block <= end; first += block) {
    const Gates some = work(all, first);
    total += (some.part[0] + some.part[1]) + (some.part[2] + some.part[3]);
  }
  float sum = 0;
  for (int lane = 0; lane < WIDTH; lane++) sum += total[lane];
  if (first == end) return sum;
  float copies[streams][block] = {}, last[block];
  Vectors filled = all;
  for (int stream = 0; stream < streams; stream++) {
    if (!all.at[stream] || (stream == price && all.onePrice)) continue;
    filled.at[stream] = copies[stream];
    for (int64_t i = 0; i < end - first; i++) copies[stream][i] = all.at[stream][first + i];
  }
  Store(last, work(filled, 0));
  for (int stream = changing; stream < streams; stream++) {
    for (int64_t i = 0; all.at[stream] && i < end - first; i++) all.at[stream][first + i] = copies[stream][i];
  }
  for (int64_t i = 0; i < end - first; i++) sum += last[i];
  return sum;
}

[[gnu::flatten]] float Squares(const Options&, const Vectors& all, int64_t begin, int64_t end) {
  return SumOf(all, begin, end, [](const Vectors& some, int64_t first) {
    const Gates g = Priced(some, first);
    return g * g;
  });
}

// By a copy of the options, which no vector can overlap: they stay in registers.
[[gnu::flatten]] float Step(const Options& options, const Vectors& all, int64_t begin, int64_t end) {
  return SumOf(all, begin, end, [options](const Vectors& some, int64_t first) { return StepFrom(options, some, first); });
}

[[gnu::flatten]] float Open(const Options& options, const Vectors& all, int64_t begin, int64_t end) {
  return SumOf(all, begin, end, [&](const Vectors& some, int64_t first) {
    const Gates open = Opened(Load(some.at[logits] + first), options.cold);
    Store(some.at[opened] + first, open);
    return open;
  });
}

constexpr Formulas formulas = {Squares, Step, Open};

}  // namespace VECTORS
