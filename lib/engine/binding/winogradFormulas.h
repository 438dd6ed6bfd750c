// The arithmetic of winograd.cc, which takes it in once for each length of vectors: WIDTH numbers, in the namespace VECTORS.
namespace VECTORS {

using Vector = float __attribute__((vector_size(4 * WIDTH), aligned(4)));

// In place of kernel.h's, which are for eight values.
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

// Of two matrices and their product: [rows, depth], [depth, columns] and [rows, columns], and where the next value of an axis is.
struct Matrices {
  const float* a;
  int64_t aRow, aStep;
  const float* b;
  int64_t bStep, depth;
  float* c;
  int64_t cRow;
  bool adds;
};

// c = a b, or c + a b, for groups of R rows and V vectors of columns, which stay in registers.
template <int R, int V>
void Multiply(const Matrices& all, int64_t row, int64_t groups) {
  const auto [left, aRow, aStep, right, bStep, depth, product, cRow, adds] = all;
  for (int64_t group = 0; group < groups; group++, row += R) {
    // By threes, which the processor's addresses reach from one pointer.
    const float *a[(R + 2) / 3], *b = right;
    for (int r = 0; r < R; r += 3) a[r / 3] = left + (row + r) * aRow;
    Vector sums[R][V] = {};
    for (int64_t k = 0; k < depth; k++, b += bStep) {
      Vector columns[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; v++) columns[v] = Load(b + v * WIDTH);
#pragma GCC unroll 12
      for (int r = 0; r < R; r++) {
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) sums[r][v] += a[r / 3][r % 3 * aRow] * columns[v];
      }
#pragma GCC unroll 4
      for (int r = 0; r < R; r += 3) a[r / 3] += aStep;
    }
    float* c = product + row * cRow;
#pragma GCC unroll 12
    for (int r = 0; r < R; r++, c += cRow) {
#pragma GCC unroll 2
      for (int v = 0; v < V; v++) Store(c + v * WIDTH, adds ? Load(c + v * WIDTH) + sums[r][v] : sums[r][v]);
    }
  }
}

// As many rows stay in registers with two vectors of columns: 24 + 2 + 1 of 32 for AVX-512, 12 + 2 + 1 of 16 for AVX2.
constexpr int most = WIDTH == 16 ? 12 : 6;

// All rows, in groups of nearly equal size: the first ones have one more.
template <int V>
void MultiplyAll(const Matrices& all, int64_t rows) {
  static constexpr auto sizes = []<int... R>(std::integer_sequence<int, R...>) {
    return std::array{Multiply<R + 1, V>...};
  }(std::make_integer_sequence<int, most>());
  const int64_t groups = (rows + most - 1) / most, size = rows / groups, larger = rows % groups;
  if (larger > 0) sizes[size](all, 0, larger);
  sizes[size - 1](all, larger * (size + 1), groups - larger);
}

// From one row of so many channels to the next, in a buffer: whole vectors, and no multiple of what the first cache maps to one place.
inline int64_t Stride(int64_t channels) {
  const int64_t vectors = (channels + WIDTH - 1) / WIDTH * WIDTH;
  return vectors % 256 == 0 ? vectors + WIDTH : vectors;
}

// As many tiles as are computed together, of so many values each: they stay in the second cache, but for many channels.
inline int64_t Together(int64_t values) { return std::max(together / (points * values), fewest); }

// From one point's values to the next one's, which shall not lie in the same places of the first cache.
inline int64_t Apart(int64_t size) { return size + cacheLine; }

// Some channels of the pixels below each other that a row of tiles has of the images, one column after the other. Rows outside of the
// image are one pixel of zeros.
template <int N>
struct Columns {
  const float* at[N];
  int64_t steps[N], x, width, count;

  Columns(const Images& images, const Run& run, const float* zeros, int64_t channel)
      : x(run.corner.x - images.left), width(images.width), count(images.channels - channel) {
    for (int y = 0; y < N; y++) {
      const float* const inside = images.Row(run.corner, y);
      steps[y] = inside ? images.channels : 0;
      at[y] = inside ? inside + x * steps[y] + channel : zeros;
    }
  }
  template <auto line, bool whole>
  void Next(Vector (&made)[side]) {
    Vector seen[N] = {};
    if (x >= 0 && x < width) {
#pragma GCC unroll 4
      for (int y = 0; y < N; y++) seen[y] = whole ? Load(at[y]) : LoadSome(at[y], count);
    }
#pragma GCC unroll 4
    for (int y = 0; y < N; y++) at[y] += steps[y];
    x++;
    line(seen, 1, made);
  }
};

// Transforms N x N pixels for each tile of a row, to [points, tiles, row], the points `apart`.
template <auto line, bool whole, int N>
void TransformRow(Columns<N> pixels, int64_t tiles, float* to, int64_t row, int64_t apart) {
  // A tile shares its first columns with the one before.
  constexpr int shared = N - outputs;
  Vector columns[N][side];
#pragma GCC unroll 2
  for (int x = 0; x < shared; x++) pixels.template Next<line, whole>(columns[x]);
  for (int64_t tile = 0; tile < tiles; tile++, to += row) {
#pragma GCC unroll 2
    for (int x = shared; x < N; x++) pixels.template Next<line, whole>(columns[x]);
#pragma GCC unroll 4
    for (int y = 0; y < side; y++) {
      Vector made[side];
      line(&columns[0][y], side, made);
#pragma GCC unroll 4
      for (int x = 0; x < side; x++) Store(to + (y * side + x) * apart, made[x]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < shared * side; i++) columns[i / side][i % side] = columns[i / side + outputs][i % side];
  }
}

// The same for all channels of some tiles.
template <auto line, int N>
void Transform(const Images& images, const Grid& grid, int64_t first, int64_t last, float* to, int64_t row, int64_t apart) {
  const std::vector<float> zeros(WIDTH);
  for (Run run : grid.Runs(first, last)) {
    // Tile by tile where a row of many channels is long, so that memory is read in order.
    const int64_t end = run.tile + run.count;
    if (images.channels > 64) run.count = 1;
    for (; run.tile < end; run.tile += run.count, run.corner.x += run.count * outputs) {
      float* const at = to + run.tile * row;
      int64_t channel = 0;
      for (; channel + WIDTH <= images.channels; channel += WIDTH) {
        TransformRow<line, true>(Columns<N>(images, run, zeros.data(), channel), run.count, at + channel, row, apart);
      }
      if (channel < images.channels) {
        TransformRow<line, false>(Columns<N>(images, run, zeros.data(), channel), run.count, at + channel, row, apart);
      }
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
inline int64_t PanelAt(int64_t in, int64_t channel) { return points * (in * channel + channel / (2 * WIDTH) * cacheLine); }

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

// Some channels of the outputs of a row of tiles, from their transforms: [points, tiles, row], the points `apart`.
void TransformOutputs(const float* sums, int64_t row, int64_t apart, const After& after, const Images& y, const Run& run, int64_t channel) {
  const int64_t count = y.channels - channel, below = run.corner.y + 1 < y.height ? y.width * y.channels : 0;
  const Vector bias = after.bias ? LoadSome(after.bias + channel, count) : Vector{}, least = after.relu ? Vector{} : Vector{} - INFINITY;
  float* to = y.Row(run.corner, 0) + run.corner.x * y.channels + channel;
  for (int64_t tile = 0; tile < run.count; tile++, sums += row, to += outputs * y.channels) {
    Vector given[side][side], made[outputs][outputs];
#pragma GCC unroll 16
    for (int k = 0; k < points; k++) given[k / side][k % side] = Load(sums + k * apart);
    Both<Output>(given, made);
    const bool beside = run.corner.x + tile * outputs + 1 < y.width;
#pragma GCC unroll 2
    for (int down = 0; down < outputs; down++) {
#pragma GCC unroll 2
      for (int across = 0; across < outputs; across++) {
        const Vector value = made[down][across] + bias;
        if ((down && !below) || (across && !beside)) continue;
        StoreSome(to + down * below + across * y.channels, value < least ? least : value, count);
      }
    }
  }
}

// The outputs of the tiles from `begin` to `end`.
void Convolve(const Images& x, const float* filter, const After& after, const Images& y, const Grid& grid, int64_t begin, int64_t end) {
  const int64_t row = Stride(x.channels), tiles = Together(row);
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
        const float* const columns = filter + PanelAt(x.channels, channel) + k * Apart(x.channels * panel);
        MultiplyAll<V>({inputs.get() + k * apart, row, 1, columns, panel, x.channels, products.get() + k * next, panel, false}, last - first);
      }
      for (const Run& run : grid.Runs(first, last)) {
        for (int v = 0; v < V; v++) {
          const int64_t at = channel + v * WIDTH;
          TransformOutputs(products.get() + run.tile * panel + v * WIDTH, panel, next, after, y, run, at);
        }
      }
    });
  }
}

// Adds to the transformed filter's gradient, [points, in, row], what the tiles from `begin` to `end` give.
void AddGradient(const Images& x, const Images& dy, const Grid& grid, int64_t begin, int64_t end, float* sums) {
  const int64_t in = Stride(x.channels), out = Stride(dy.channels), tiles = Together(in + out);
  const int64_t nextIn = Apart(tiles * in), nextOut = Apart(tiles * out);
  const Buffer inputs = Allocate(points * nextIn), gradients = Allocate(points * nextOut);
  for (int64_t first = begin; first < end; first += tiles) {
    const int64_t last = std::min(first + tiles, end);
    Transform<Input, side>(x, grid, first, last, inputs.get(), in, nextIn);
    Transform<OutputBack, outputs>(dy, grid, first, last, gradients.get(), out, nextOut);
    for (int k = 0; k < points; k++) {
      OverPanels(dy.channels, [&](auto vectors, int64_t channel) {
        const float* const columns = gradients.get() + k * nextOut + channel;
        float* const sum = sums + k * x.channels * out + channel;
        MultiplyAll<vectors.value>({inputs.get() + k * nextIn, 1, in, columns, out, last - first, sum, out, true}, x.channels);
      });
    }
  }
}

// The filter's gradient of its transformed one's.
void TransformBack(const float* sums, int64_t in, int64_t out, float* dw) {
  for (int64_t i = 0; i < in; i++) {
    for (int64_t channel = 0; channel < out; channel += WIDTH) {
      Vector given[side][side], made[extent][extent];
      for (int k = 0; k < points; k++) given[k / side][k % side] = Load(sums + (k * in + i) * Stride(out) + channel);
      Both<FilterBack>(given, made);
      for (int k = 0; k < extent * extent; k++) StoreSome(dw + (k * in + i) * out + channel, made[k / extent][k % extent], out - channel);
    }
  }
}

void Forward(const Images& x, const float* filter, const After& after, const Images& y, const Grid& grid) {
  const int64_t in = x.channels, out = y.channels;
  const Buffer transformed = Allocate(PanelAt(in, out + 2 * WIDTH) + points * cacheLine);
  InParts(in, grid.Threads(in, in * out), [&](int64_t begin, int64_t end, int64_t) {
    TransformFilter(filter, in, out, begin, end, transformed.get());
  });
  InParts(grid.tiles, grid.Threads(grid.tiles, in * out), [&](int64_t begin, int64_t end, int64_t) {
    Convolve(x, transformed.get(), after, y, grid, begin, end);
  });
}

void Gradient(const Images& x, const Images& dy, const Grid& grid, float* dw) {
  const int64_t in = x.channels, out = dy.channels, size = points * in * Stride(out);
  // Each part has sums of its own, which are worth it for many tiles only.
  const int64_t parts = std::min(grid.Threads(grid.tiles, in * out), std::max<int64_t>(1, grid.tiles / fewest));
  std::vector<Buffer> sums;
  for (int64_t part = 0; part < parts; part++) sums.push_back(Allocate(size));
  InParts(grid.tiles, parts, [&](int64_t begin, int64_t end, int64_t part) {
    std::fill_n(sums[part].get(), size, 0.0f);
    AddGradient(x, dy, grid, begin, end, sums[part].get());
  });
  InParts(size, parts, [&](int64_t begin, int64_t end, int64_t) {
    for (int64_t part = 1; part < parts; part++) {
      for (int64_t i = begin; i < end; i++) sums[0][i] += sums[part][i];
    }
  });
  TransformBack(sums[0].get(), in, out, dw);
}

constexpr Formulas formulas = {Forward, Gradient};

}  // namespace VECTORS
