// Convolutions with the weights of a kernel that are left (lib/engine/sparseConvolution.ts), and their gradients.
#if defined(__x86_64__) && !defined(__clang__)
#include "columns.h"

namespace twotemp {
namespace {

// At most this many examples are computed side by side, and as many vectors of them at once: of some neighbouring pixels.
constexpr int64_t most = 4 * lanes, atOnce = 12;

// One weight that is left: its value, how many rows below the output's pixel its input is, and where in the image from there.
struct Entry {
  float value;
  int32_t down, place;
};

// A padded image of some examples side by side: [height, channels, columns, together].
struct Image {
  int64_t height, width, channels, left, columns, together;
  std::unique_ptr<float[], decltype(&std::free)> values;

  Image(int64_t height, int64_t width, int64_t channels, int64_t left, int64_t right, int64_t together)
      : height(height), width(width), channels(channels), left(left), columns(left + width + right), together(together),
        values(static_cast<float*>(std::aligned_alloc(64, (size() * sizeof(float) + 63) / 64 * 64)), std::free) {}
  int64_t size() const { return height * channels * columns * together; }
  float* at(int64_t y, int64_t channel, int64_t column) const { return values.get() + ((y * channels + channel) * columns + column) * together; }
  // From and to [examples, height, width, channels].
  void Read(const float* from, int64_t count) {
    if (columns > width) std::fill_n(values.get(), size(), 0.0f);
    EachPixel([&](int64_t pixel, float* to) { Gather(from + pixel * channels, count, height * width * channels, channels, together, to, columns * together); });
  }
  void Write(float* to, int64_t count) const {
    EachPixel([&](int64_t pixel, const float* from) { Scatter(from, columns * together, count, height * width * channels, channels, to + pixel * channels); });
  }

 private:
  template <class Work>
  void EachPixel(const Work& work) const {
    for (int64_t y = 0; y < height; y++) {
      for (int64_t x = 0; x < width; x++) work(y * width + x, at(y, 0, left + x));
    }
  }
};

// What both ops read: x [examples, height, width, inputs]; the weights, which are a whole kernel or, [entries], those that are left; for
// each output where its entries start, [outputs + 1], in the rows of the kernel as a matrix that they lie in, [entries]; the entries'
// positions in the kernel, [entries]; and the geometry's numbers.
struct Task {
  Tensor x, weights, starts, rows, positions, geometry;
  int64_t examples, height, width, inputs, outputs, outHeight, outWidth, left, right;
  const int32_t *stride, *dilation, *before;
  std::vector<Entry> entries;

  Task(TF_OpKernelContext* context, const Status& status)
      : x(Tensor::Input(context, 0, status)),
        weights(Tensor::Input(context, 1, status)),
        starts(Tensor::Input(context, 2, status)),
        rows(Tensor::Input(context, 3, status)),
        positions(Tensor::Input(context, 4, status)),
        geometry(Tensor::Input(context, 5, status)) {
    if (!status.ok()) return;
    const std::vector<int64_t> shape = x.shape();
    examples = shape[0], height = shape[1], width = shape[2], inputs = shape[3], outputs = starts.size() - 1;
    const int32_t *const numbers = geometry.integers(), across = numbers[8];
    outHeight = numbers[0], outWidth = numbers[1], stride = numbers + 2, dilation = numbers + 4, before = numbers + 6;
    // Rows outside of the image are left out; columns are zeros.
    left = before[1];
    right = std::max<int64_t>(0, (outWidth - 1) * stride[1] + (across - 1) * dilation[1] - left - (width - 1));
    const int64_t columns = left + width + right;
    // Of each row of the kernel, found once: divisions take long.
    std::vector<std::pair<int32_t, int32_t>> found(numbers[9] * across * inputs);
    for (size_t row = 0; row < found.size(); row++) {
      const int64_t tap = row / inputs, channel = row % inputs;
      const int64_t down = tap / across * dilation[0] - before[0], column = tap % across * dilation[1];
      found[row] = {down, (down * inputs + channel) * columns + column};
    }
    const int32_t *const row = rows.integers(), *const position = whole() ? positions.integers() : nullptr;
    const float* const values = weights.values();
    entries.resize(rows.size());
    for (size_t i = 0; i < entries.size(); i++) {
      const auto [down, place] = found[row[i]];
      entries[i] = {values[position ? position[i] : i], down, place};
    }
  }

  bool whole() const { return weights.shape().size() > 1; }
  Image Input(int64_t together) const { return Image(height, width, inputs, left, right, together); }
  Image Output(int64_t together) const { return Image(outHeight, outWidth, outputs, 0, 0, together); }

  // Work(first example, number of examples, part), for groups of examples; returns the number of parts.
  template <class Work>
  int64_t EachGroup(const Work& work) const {
    const int64_t groups = (examples + most - 1) / most, operations = x.size() + examples * outHeight * outWidth * rows.size();
    const int64_t parts = operations < 1 << 18 ? 1 : Parts(groups);
    InParts(groups, parts, [&](int64_t begin, int64_t end, int64_t part) {
      for (int64_t group = begin; group < end; group++) work(group * most, std::min(most, examples - group * most), part);
    });
    return parts;
  }

  // Work(y, output, x, number of pixels), for neighbouring pixels, as many as are computed at once, or two, or one.
  template <int64_t vectors, class Work>
  void EachPixels(const Work& work) const {
    constexpr int64_t pixels = atOnce / vectors;
    for (int64_t y = 0; y < outHeight; y++) {
      for (int64_t output = 0; output < outputs; output++) {
        int64_t x = 0;
        for (; x + pixels <= outWidth; x += pixels) work(y, output, x, std::integral_constant<int64_t, pixels>());
        for (; x + 2 <= outWidth; x += 2) work(y, output, x, std::integral_constant<int64_t, 2>());
        if (x < outWidth) work(y, output, x, std::integral_constant<int64_t, 1>());
      }
    }
  }
  bool HasRow(int64_t row) const { return row >= 0 && row < height; }
};

// Calls work with as many vectors as `count` examples need, a constant.
template <class Work>
void WithVectors(int64_t count, const Work& work) {
  switch ((count + lanes - 1) / lanes) {
    case 1:
      return work(std::integral_constant<int64_t, 1>());
    case 2:
      return work(std::integral_constant<int64_t, 2>());
    case 3:
      return work(std::integral_constant<int64_t, 3>());
    default:
      return work(std::integral_constant<int64_t, 4>());
  }
}

template <int64_t vectors>
void Convolve(const Task& task, const Image& from, const Image& to) {
  constexpr int64_t together = vectors * lanes;
  const int64_t next = task.stride[1] * together;
  const int32_t* const starts = task.starts.integers();
  const Entry* const entries = task.entries.data();
  task.EachPixels<vectors>([&](int64_t y, int64_t output, int64_t x, auto pixels) {
    Lanes sums[pixels][vectors] = {};
    const int64_t row = y * task.stride[0];
    const float* const base = from.at(row, 0, x * task.stride[1]);
    for (int32_t i = starts[output]; i < starts[output + 1]; i++) {
      const Entry& entry = entries[i];
      if (!task.HasRow(row + entry.down)) continue;
      const float* const column = base + entry.place * together;
      for (int64_t p = 0; p < pixels; p++) {
        for (int64_t j = 0; j < vectors; j++) sums[p][j] += entry.value * Load(column + p * next + j * lanes);
      }
    }
    float* const out = to.at(y, output, x);
    for (int64_t p = 0; p < pixels; p++) {
      for (int64_t j = 0; j < vectors; j++) Store(out + (p * vectors + j) * lanes, sums[p][j]);
    }
  });
}

// Adds to the sums of each entry's gradient, and to the inputs' gradient.
template <int64_t vectors>
void Pull(const Task& task, const Image& from, const Image& pulls, Lanes* sums, const Image& back) {
  constexpr int64_t together = vectors * lanes;
  const int64_t next = task.stride[1] * together;
  const int32_t* const starts = task.starts.integers();
  const Entry* const entries = task.entries.data();
  task.EachPixels<vectors>([&](int64_t y, int64_t output, int64_t x, auto pixels) {
    const float* const pull = pulls.at(y, output, x);
    const int64_t row = y * task.stride[0], base = from.at(row, 0, x * task.stride[1]) - from.values.get();
    for (int32_t i = starts[output]; i < starts[output + 1]; i++) {
      const Entry& entry = entries[i];
      if (!task.HasRow(row + entry.down)) continue;
      const int64_t place = base + entry.place * together;
      const float* const column = from.values.get() + place;
      float* const to = back.values.get() + place;
      Lanes sum = {};
      for (int64_t p = 0; p < pixels; p++) {
        for (int64_t j = 0; j < vectors; j++) {
          const Lanes own = Load(pull + (p * vectors + j) * lanes);
          const int64_t at = p * next + j * lanes;
          sum += own * Load(column + at);
          Store(to + at, Load(to + at) + entry.value * own);
        }
      }
      sums[i] += sum;
    }
  });
}

void Compute(void*, TF_OpKernelContext* context) {
  const Status status;
  const Task task(context, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const Tensor y = Tensor::Output(context, 0, {task.examples, task.outHeight, task.outWidth, task.outputs}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  task.EachGroup([&](int64_t first, int64_t count, int64_t) {
    WithVectors(count, [&](auto vectors) {
      Image from = task.Input(vectors * lanes), to = task.Output(vectors * lanes);
      from.Read(task.x.values() + first * (task.x.size() / task.examples), count);
      Convolve<decltype(vectors)::value>(task, from, to);
      to.Write(y.values() + first * (y.size() / task.examples), count);
    });
  });
}

void ComputeGradient(void*, TF_OpKernelContext* context) {
  const Status status;
  const Task task(context, status);
  const Tensor dy = Tensor::Input(context, 6, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const Tensor dx = Tensor::Output(context, 0, task.x.shape(), status), dweights = Tensor::Output(context, 1, task.weights.shape(), status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  std::vector<std::vector<Lanes>> sums(Parts(task.examples), std::vector<Lanes>(task.rows.size()));
  const int64_t parts = task.EachGroup([&](int64_t first, int64_t count, int64_t part) {
    WithVectors(count, [&](auto vectors) {
      Image from = task.Input(vectors * lanes), pulls = task.Output(vectors * lanes), back = task.Input(vectors * lanes);
      from.Read(task.x.values() + first * (task.x.size() / task.examples), count);
      pulls.Read(dy.values() + first * (dy.size() / task.examples), count);
      std::fill_n(back.values.get(), back.size(), 0.0f);
      Pull<decltype(vectors)::value>(task, from, pulls, sums[part].data(), back);
      back.Write(dx.values() + first * (dx.size() / task.examples), count);
    });
  });
  float* const gradient = dweights.values();
  if (task.whole()) std::fill_n(gradient, dweights.size(), 0.0f);
  for (size_t i = 0; i < task.entries.size(); i++) {
    float sum = 0;
    for (int64_t part = 0; part < parts; part++) {
      for (int64_t lane = 0; lane < lanes; lane++) sum += sums[part][i][lane];
    }
    gradient[task.whole() ? task.positions.integers()[i] : i] = sum;
  }
}

}  // namespace

Op SparseConvolution() {
  return {"TwotempSparseConvolution",
          {},
          {"x: float", "weights: float", "starts: int32", "rows: int32", "positions: int32", "geometry: int32"},
          {"y: float"},
          nullptr,
          Compute,
          nullptr};
}

Op SparseConvolutionGradient() {
  return {"TwotempSparseConvolutionGradient",
          {},
          {"x: float", "weights: float", "starts: int32", "rows: int32", "positions: int32", "geometry: int32", "dy: float"},
          {"dx: float", "dweights: float"},
          nullptr,
          ComputeGradient,
          nullptr};
}

}  // namespace twotemp
#endif
