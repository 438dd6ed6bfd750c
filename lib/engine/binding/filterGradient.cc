// The gradient of a convolution's filter, for which oneDNN's code for AVX2 reaches half the speed of its forward convolutions.
#include <array>
#include <utility>
#include "kernel.h"

namespace twotemp {
namespace {

// Values of x and dy that are used together, so that they stay in the second cache.
constexpr int64_t together = 1 << 16;

// A walk over the pixels of some rows of some examples.
struct Walk {
  const float* x;
  const float* dy;
  int64_t examples, rows, pixels;
  int64_t xExample, xRow, xPixel;
  int64_t dyExample, dyRow, dyPixel;
};

// Adds to I input channels by O * 8 output channels of one position of the filter, which stay in registers: I O + O + 1 of 16. Of the
// output channels the first `known` have been added to before.
template <int I, int O>
void Add(const Walk& walk, float* dw, int64_t dwStep, int64_t known) {
  Lanes sums[I][O];
  for (int i = 0; i < I; i++) {
    for (int o = 0; o < O; o++) sums[i][o] = Load(dw + i * dwStep + o * lanes);
  }
  for (int64_t example = 0; example < walk.examples; example++) {
    for (int64_t row = 0; row < walk.rows; row++) {
      const float* x = walk.x + example * walk.xExample + row * walk.xRow;
      const float* dy = walk.dy + example * walk.dyExample + row * walk.dyRow;
      for (int64_t pixel = 0; pixel < walk.pixels; pixel++, x += walk.xPixel, dy += walk.dyPixel) {
        Lanes gradient[O];
        for (int o = 0; o < O; o++) gradient[o] = Load(dy + o * lanes);
        for (int i = 0; i < I; i++) {
          for (int o = 0; o < O; o++) sums[i][o] += x[i] * gradient[o];
        }
      }
    }
  }
  for (int i = 0; i < I; i++) {
    for (int o = 0; o < O; o++) {
      if (known == 0) Store(dw + i * dwStep + o * lanes, sums[i][o]);
      for (int64_t lane = known; known > 0 && lane < lanes; lane++) dw[i * dwStep + lane] = sums[i][0][lane];
    }
  }
}

// All input channels, in parts of nearly equal size.
template <int O>
void AddAll(Walk walk, float* dw, int64_t in, int64_t out, int64_t known = 0) {
  static constexpr std::array adds = {Add<1, O>, Add<2, O>, Add<3, O>, Add<4, O>, Add<5, O>, Add<6, O>};
  const int64_t parts = (in + adds.size() - 1) / adds.size();
  const float* const x = walk.x;
  for (int64_t part = 0; part < parts; part++) {
    const int64_t first = in * part / parts, last = in * (part + 1) / parts;
    walk.x = x + first;
    adds[last - first - 1](walk, dw + first * out, out, known);
  }
}

// Along one axis.
struct Axis {
  int64_t in, out, filter, stride, before;

  // The outputs from `first` to `last` that see the input at a position of the filter.
  std::pair<int64_t, int64_t> Seeing(int64_t position, int64_t first, int64_t last) const {
    const int64_t from = before - position, to = in + before - position;
    return {std::max(first, (std::max<int64_t>(from, 0) + stride - 1) / stride), std::min(last, (to + stride - 1) / stride)};
  }
  int64_t InputAt(int64_t output, int64_t position) const { return output * stride + position - before; }
};

struct Convolution {
  int64_t in, out;
  Axis y, x;

  // Adds what the examples from `first` to `last` give.
  void Gradient(const float* given, const float* dy, float* dw, int64_t first, int64_t last) const {
    const int64_t rows = std::clamp<int64_t>(together / (x.in * in + x.out * out), 1, y.out);
    const int64_t examples = std::max<int64_t>(1, together / (y.in * x.in * in + y.out * x.out * out));
    for (int64_t example = first; example < last; example += examples) {
      const int64_t count = std::min(examples, last - example);
      for (int64_t row = 0; row < y.out; row += rows) Rows(given, dy, dw, example, count, row, std::min(row + rows, y.out));
    }
  }

  void Rows(const float* given, const float* dy, float* dw, int64_t example, int64_t examples, int64_t first, int64_t last) const {
    for (int64_t fy = 0; fy < y.filter; fy++) {
      const auto [top, bottom] = y.Seeing(fy, first, last);
      if (top >= bottom) continue;
      for (int64_t fx = 0; fx < x.filter; fx++) {
        const auto [left, right] = x.Seeing(fx, 0, x.out);
        if (left >= right) continue;
        const float* const seen = given + ((example * y.in + y.InputAt(top, fy)) * x.in + x.InputAt(left, fx)) * in;
        const float* const gradient = dy + ((example * y.out + top) * x.out + left) * out;
        Walk walk{seen, gradient, examples, bottom - top, right - left};
        walk.xExample = y.in * x.in * in, walk.xRow = y.stride * x.in * in, walk.xPixel = x.stride * in;
        walk.dyExample = y.out * x.out * out, walk.dyRow = x.out * out, walk.dyPixel = out;
        float* const at = dw + (fy * x.filter + fx) * in * out;
        const auto from = [&](int64_t channel) {
          walk.dy = gradient + channel;
          return walk;
        };
        int64_t channel = 0;
        for (; channel + 2 * lanes <= out; channel += 2 * lanes) AddAll<2>(from(channel), at + channel, in, out);
        for (; channel + lanes <= out; channel += lanes) AddAll<1>(from(channel), at + channel, in, out);
        const int64_t last = out - lanes;
        if (channel < out) AddAll<1>(from(last), at + last, in, out, channel - last);
      }
    }
  }
};

// Of the filter, the strides and the zeros before: each in height, then in width.
struct Geometry {
  std::array<int64_t, 2> filter, strides, before;
};

void* Create(TF_OpKernelConstruction* context) {
  Status status;
  auto geometry = std::make_unique<Geometry>();
  const auto read = [&](const char* name, std::array<int64_t, 2>* values) {
    if (status.ok()) TF_OpKernelConstruction_GetAttrInt64List(context, name, values->data(), 2, status);
  };
  read("filter", &geometry->filter);
  read("strides", &geometry->strides);
  read("before", &geometry->before);
  if (status.ok()) return geometry.release();
  TF_OpKernelConstruction_Failure(context, status);
  return nullptr;
}

void Delete(void* kernel) { delete static_cast<Geometry*>(kernel); }

void Compute(void* kernel, TF_OpKernelContext* context) {
  const Geometry& geometry = *static_cast<Geometry*>(kernel);
  Status status;
  const Tensor x = Tensor::Input(context, 0, status), dy = Tensor::Input(context, 1, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const std::vector<int64_t> in = x.shape(), out = dy.shape();
  if (in.size() != 4 || out.size() != 4 || in[0] != out[0] || out[3] < lanes) {
    TF_SetStatus(status, TF_INVALID_ARGUMENT, "x and dy must be images of one batch, dy of at least 8 channels");
    return TF_OpKernelContext_Failure(context, status);
  }
  const auto axis = [&](int a) {
    return Axis{in[a + 1], out[a + 1], geometry.filter[a], geometry.strides[a], geometry.before[a]};
  };
  const Convolution convolution{in[3], out[3], axis(0), axis(1)};
  const Tensor dw = Tensor::Output(context, 0, {geometry.filter[0], geometry.filter[1], in[3], out[3]}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);

  const int64_t size = dw.size(), parts = Parts(in[0]);
  std::vector<std::vector<float>> sums(parts - 1, std::vector<float>(size));
  std::fill_n(dw.values(), size, 0.0f);
  InParts(in[0], parts, [&](int64_t first, int64_t last, int64_t part) {
    convolution.Gradient(x.values(), dy.values(), part == 0 ? dw.values() : sums[part - 1].data(), first, last);
  });
  for (const std::vector<float>& part : sums) {
    for (int64_t i = 0; i < size; i++) dw.values()[i] += part[i];
  }
}

}  // namespace

Op FilterGradient() {
  return {"TwotempFilterGradient",
          {"filter: list(int)", "strides: list(int)", "before: list(int)"},
          {"x: float", "dy: float"},
          {"dw: float"},
          Create,
          Compute,
          Delete};
}

}  // namespace twotemp
