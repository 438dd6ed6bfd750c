// The arithmetic of winograd.cc, which takes it in once for each length of vectors: WIDTH numbers, in the namespace VECTORS.
namespace VECTORS {

using Vector = float __attribute__((vector_size(4 * WIDTH), aligned(4)));

inline Vector Load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
inline void Store(float* to, const Vector& values) { *reinterpret_cast<Vector*>(to) = values; }
// Of the last channels, where these are no multiple of a vector's: zeros stand for the missing ones.
#if WIDTH == 16
inline Vector LoadSome(const float* from, int64_t count) { return count >= WIDTH ? Load(from) : _mm512_maskz_loadu_ps((1 << count) - 1, from); }
inline void StoreSome(float* to, const Vector& values, int64_t count) {
  if (count >= WIDTH) return Store(to, values);
  _mm512_mask_storeu_ps(to, (1 << count) - 1, values);
}
#else
inline __m256i First(int64_t count) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
inline Vector LoadSome(const float* from, int64_t count) { return count >= WIDTH ? Load(from) : Vector(_mm256_maskload_ps(from, First(count))); }
inline void StoreSome(float* to, const Vector& values, int64_t count) {
  if (count >= WIDTH) return Store(to, values);
  _mm256_maskstore_ps(to, First(count), values);
}
#endif

// The transformations along one axis: of inputs, of outputs and of filters, and the last two the other way round, as gradients pass.
inline void Input(const Vector* x, int64_t step, Vector* to) {
  to[0] = x[0] - x[2 * step], to[1] = x[step] + x[2 * step], to[2] = x[2 * step] - x[step], to[3] = x[step] - x[3 * step];
}
inline void Output(const Vector* m, int64_t step, Vector* to) {
  to[0] = m[0] + m[step] + m[2 * step], to[1] = m[step] - m[2 * step] - m[3 * step];
}
inline void Filter(const Vector* g, int64_t step, Vector* to) {
  const Vector sides = (g[0] + g[2 * step]) * 0.5f, middle = g[step] * 0.5f;
  to[0] = g[0], to[1] = sides + middle, to[2] = sides - middle, to[3] = g[2 * step];
}
inline void OutputBack(const Vector* y, int64_t step, Vector* to) {
  to[0] = y[0], to[1] = y[0] + y[step], to[2] = y[0] - y[step], to[3] = -y[step];
}
inline void FilterBack(const Vector* u, int64_t step, Vector* to) {
  const Vector sum = (u[step] + u[2 * step]) * 0.5f, difference = (u[step] - u[2 * step]) * 0.5f;
  to[0] = u[0] + sum, to[1] = difference, to[2] = sum + u[3 * step];
}
// Along both axes, from N x N values to M x M.
template <auto line, int N, int M>
inline void Both(const Vector (&from)[N][N], Vector (&to)[M][M]) {
  Vector columns[N][M];
#pragma GCC unroll 4
  for (int x = 0; x < N; x++) line(&from[0][x], N, columns[x]);
#pragma GCC unroll 4
  for (int y = 0; y < M; y++) line(&columns[0][y], M, to[y]);
}

// c = a b, or c + a b, of R rows and V vectors of columns, which stay in registers.
template <int R, int V>
void Multiply(const float* a, int64_t aRow, int64_t aStep, const float* b, int64_t bStep, int64_t depth, float* c, int64_t cRow, bool adds) {
  Vector sums[R][V] = {};
  for (int64_t k = 0; k < depth; k++, a += aStep, b += bStep) {
    Vector right[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; v++) right[v] = Load(b + v * WIDTH);
#pragma GCC unroll 12
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 2
      for (int v = 0; v < V; v++) sums[r][v] += a[r * aRow] * right[v];
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; r++, c += cRow) {
#pragma GCC unroll 2
    for (int v = 0; v < V; v++) Store(c + v * WIDTH, adds ? Load(c + v * WIDTH) + sums[r][v] : sums[r][v]);
  }
}

// As many rows stay in registers with two vectors of columns: 24 + 2 + 1 of 32 for AVX-512, 12 + 2 + 1 of 16 for AVX2.
constexpr int most = WIDTH == 16 ? 12 : 6;

// All rows, in parts of nearly equal size.
template <int V>
void MultiplyRows(int64_t rows, const float* a, int64_t aRow, int64_t aStep, const float* b, int64_t bStep, int64_t depth, float* c,
                  int64_t cRow, bool adds) {
  static constexpr auto parts = []<int... R>(std::integer_sequence<int, R...>) {
    return std::array{Multiply<R + 1, V>...};
  }(std::make_integer_sequence<int, most>());
  const int64_t count = (rows + most - 1) / most;
  for (int64_t part = 0; part < count; part++) {
    const int64_t first = rows * part / count, last = rows * (part + 1) / count;
    parts[last - first - 1](a + first * aRow, aRow, aStep, b, bStep, depth, c + first * cRow, cRow, adds);
  }
}

// A row of so many channels in a buffer: whole vectors, and no multiple of what the first cache maps to one place.
inline int64_t Row(int64_t channels) {
  const int64_t vectors = (channels + WIDTH - 1) / WIDTH * WIDTH;
  return vectors % 256 == 0 ? vectors + WIDTH : vectors;
}

// As many tiles as are computed together, of so many values each: they stay in the second cache, but for many channels.
inline int64_t Together(int64_t values) { return std::max(together / (points * values), fewest); }

// From one point's values to the next one's, which shall not lie in the same places of the first cache.
inline int64_t Apart(int64_t size) { return size + WIDTH; }

// Transforms the N x N pixels that each of some tiles has of the images, to [points, tiles, row], the points `apart`.
template <auto line, int N>
void Transform(const Images& images, const Grid& grid, int64_t first, int64_t last, float* to, int64_t row, int64_t apart) {
  const std::vector<float> none(images.channels, 0.0f);
  for (int64_t tile = first; tile < last; tile++, to += row) {
    const auto transform = [&](auto pixel) {
      const auto some = [&](int64_t channel, auto load) {
        Vector seen[N][N], made[side][side];
#pragma GCC unroll 4
        for (int y = 0; y < N; y++) {
#pragma GCC unroll 4
          for (int x = 0; x < N; x++) seen[y][x] = load(pixel(y, x) + channel);
        }
        Both<line>(seen, made);
#pragma GCC unroll 16
        for (int k = 0; k < points; k++) Store(to + k * apart + channel, made[k / side][k % side]);
      };
      int64_t channel = 0;
      for (; channel + WIDTH <= images.channels; channel += WIDTH) some(channel, Load);
      const int64_t left = images.channels - channel;
      if (left > 0) some(channel, [&](const float* from) { return LoadSome(from, left); });
    };
    const Place corner = grid.At(tile);
    if (images.Hold(corner, N)) {
      const float* const first = images.Pixel(corner, 0, 0);
      transform([&](int64_t y, int64_t x) { return first + (y * images.width + x) * images.channels; });
    } else {
      const float* pixels[N][N];
      for (int y = 0; y < N; y++) {
        for (int x = 0; x < N; x++) {
          const float* const pixel = images.Pixel(corner, y, x);
          pixels[y][x] = pixel ? pixel : none.data();
        }
      }
      transform([&](int y, int x) { return pixels[y][x]; });
    }
  }
}

// Of the output's channels two vectors are computed at a time, and at the end one.
template <class Work>
void OverPanels(int64_t channels, const Work& work) {
  int64_t channel = 0;
  for (; channel + WIDTH < channels; channel += 2 * WIDTH) work(std::integral_constant<int, 2>(), channel);
  if (channel < channels) work(std::integral_constant<int, 1>(), channel);
}

// Where the panel begins that has an output channel at its start, in a transformed filter: [panel, points, in, the panel's channels].
inline int64_t PanelAt(int64_t in, int64_t channel) { return points * (in * channel + channel / 2); }

// Transforms a filter of [3, 3, in, out] for the input channels from `begin` to `end`.
void TransformFilter(const float* filter, int64_t in, int64_t out, int64_t begin, int64_t end, float* to) {
  OverPanels(out, [&](auto vectors, int64_t channel) {
    constexpr int V = vectors.value;
    const int64_t next = Apart(in * V * WIDTH);
    for (int64_t i = begin; i < end; i++) {
      for (int v = 0; v < V; v++) {
        const int64_t at = channel + v * WIDTH;
        Vector taps[extent][extent], made[side][side];
#pragma GCC unroll 9
        for (int k = 0; k < extent * extent; k++) taps[k / extent][k % extent] = LoadSome(filter + (k * in + i) * out + at, out - at);
        Both<Filter>(taps, made);
#pragma GCC unroll 16
        for (int k = 0; k < points; k++) Store(to + PanelAt(in, channel) + k * next + (i * V + v) * WIDTH, made[k / side][k % side]);
      }
    }
  });
}

// The outputs of the tiles from `begin` to `end`.
void Convolve(const Images& x, const float* filter, const After& after, const Images& y, const Grid& grid, int64_t begin, int64_t end) {
  const int64_t row = Row(x.channels), tiles = Together(row);
  const int64_t apart = Apart(tiles * row);
  const Buffer inputs = Allocate(points * apart), products = Allocate(points * Apart(tiles * 2 * WIDTH));
  for (int64_t first = begin; first < end; first += tiles) {
    const int64_t last = std::min(first + tiles, end);
    Transform<Input, side>(x, grid, first, last, inputs.get(), row, apart);
    OverPanels(y.channels, [&](auto vectors, int64_t channel) {
      constexpr int V = vectors.value;
      constexpr int64_t panel = V * WIDTH;
      const int64_t next = Apart(tiles * panel);
      for (int k = 0; k < points; k++) {
        MultiplyRows<V>(last - first, inputs.get() + k * apart, row, 1, filter + PanelAt(x.channels, channel) + k * Apart(x.channels * panel),
                        panel, x.channels, products.get() + k * next, panel, false);
      }
      for (int64_t tile = first; tile < last; tile++) {
        const Place corner = grid.At(tile);
        for (int v = 0; v < V; v++) {
          const int64_t at = channel + v * WIDTH, count = y.channels - at;
          const Vector bias = after.bias ? LoadSome(after.bias + at, count) : Vector{};
          Vector sums[side][side], made[outputs][outputs];
#pragma GCC unroll 16
          for (int k = 0; k < points; k++) {
            sums[k / side][k % side] = Load(products.get() + k * next + (tile - first) * panel + v * WIDTH);
          }
          Both<Output>(sums, made);
#pragma GCC unroll 2
          for (int down = 0; down < outputs; down++) {
#pragma GCC unroll 2
            for (int across = 0; across < outputs; across++) {
              float* const pixel = y.Pixel(corner, down, across);
              const Vector value = made[down][across] + bias;
              if (pixel) StoreSome(pixel + at, after.relu ? (value < 0 ? Vector{} : value) : value, count);
            }
          }
        }
      }
    });
  }
}

// Adds to the transformed filter's gradient, [points, in, row], what the tiles from `begin` to `end` give.
void AddGradient(const Images& x, const Images& dy, const Grid& grid, int64_t begin, int64_t end, float* sums) {
  const int64_t in = Row(x.channels), out = Row(dy.channels), tiles = Together(in + out);
  const int64_t nextIn = Apart(tiles * in), nextOut = Apart(tiles * out);
  const Buffer inputs = Allocate(points * nextIn), gradients = Allocate(points * nextOut);
  for (int64_t first = begin; first < end; first += tiles) {
    const int64_t last = std::min(first + tiles, end);
    Transform<Input, side>(x, grid, first, last, inputs.get(), in, nextIn);
    Transform<OutputBack, outputs>(dy, grid, first, last, gradients.get(), out, nextOut);
    for (int k = 0; k < points; k++) {
      OverPanels(dy.channels, [&](auto vectors, int64_t channel) {
        MultiplyRows<vectors.value>(x.channels, inputs.get() + k * nextIn, 1, in, gradients.get() + k * nextOut + channel, out,
                                    last - first, sums + k * x.channels * out + channel, out, true);
      });
    }
  }
}

// The filter's gradient of its transformed one's.
void TransformBack(const float* sums, int64_t in, int64_t out, float* dw) {
  for (int64_t i = 0; i < in; i++) {
    for (int64_t channel = 0; channel < out; channel += WIDTH) {
      Vector given[side][side], made[extent][extent];
      for (int k = 0; k < points; k++) given[k / side][k % side] = Load(sums + (k * in + i) * Row(out) + channel);
      Both<FilterBack>(given, made);
      for (int k = 0; k < extent * extent; k++) StoreSome(dw + (k * in + i) * out + channel, made[k / extent][k % extent], out - channel);
    }
  }
}

void Forward(const Images& x, const float* filter, const After& after, const Images& y, const Grid& grid) {
  const int64_t in = x.channels, out = y.channels;
  const Buffer transformed = Allocate(PanelAt(in, out + 2 * WIDTH));
  InParts(in, grid.Threads(in, in * out), [&](int64_t begin, int64_t end, int64_t) {
    TransformFilter(filter, in, out, begin, end, transformed.get());
  });
  InParts(grid.tiles, grid.Threads(grid.tiles, in * out), [&](int64_t begin, int64_t end, int64_t) {
    Convolve(x, transformed.get(), after, y, grid, begin, end);
  });
}

void Gradient(const Images& x, const Images& dy, const Grid& grid, float* dw) {
  const int64_t in = x.channels, out = dy.channels, size = points * in * Row(out), parts = grid.Threads(grid.tiles, in * out);
  std::vector<Buffer> sums;
  for (int64_t part = 0; part < parts; part++) sums.push_back(Allocate(size));
  InParts(grid.tiles, parts, [&](int64_t begin, int64_t end, int64_t part) {
    std::fill_n(sums[part].get(), size, 0.0f);
    AddGradient(x, dy, grid, begin, end, sums[part].get());
  });
  for (int64_t part = 1; part < parts; part++) {
    for (int64_t i = 0; i < size; i++) sums[0][i] += sums[part][i];
  }
  TransformBack(sums[0].get(), in, out, dw);
}

constexpr Formulas formulas = {Forward, Gradient};

}  // namespace VECTORS
#undef VECTORS
#undef WIDTH
