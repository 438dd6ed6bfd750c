// Convolutions by filters of 3x3 without strides, and their gradients, with 16 products in place of 36 for each 2x2 outputs: Winograd's
// minimal filtering F(2x2, 3x3). oneDNN has it no more; its direct convolution reaches the processor's peak, which this passes.
#if defined(__x86_64__) && !defined(__clang__)
#include <immintrin.h>
#include <array>
#include <cmath>
#include <utility>
#include "columns.h"
#include "kernels.h"

namespace twotemp {
namespace {

// A tile makes 2x2 outputs of the 4x4 inputs that the filter sees for them.
constexpr int outputs = 2, extent = 3, side = outputs + extent - 1, points = side * side;

// Transformed values that are used together, so that they stay in the second cache; but at least so many tiles.
constexpr int64_t together = 1 << 15, fewest = 64;

struct Place {
  int64_t example, y, x;
};

// Neighbouring tiles of one row, from a first one, and its corner.
struct Run {
  int64_t tile;
  Place corner;
  int64_t count;
};

// The tiles that cover the outputs of all examples, and their corners.
struct Grid {
  int64_t down, across, tiles;

  Grid(int64_t examples, int64_t height, int64_t width)
      : down((height + outputs - 1) / outputs), across((width + outputs - 1) / outputs), tiles(examples * down * across) {}
  // The tiles from `first` to `last` row by row, counted from `first`.
  std::vector<Run> Runs(int64_t first, int64_t last) const {
    std::vector<Run> runs;
    for (int64_t tile = first; tile < last; tile += runs.back().count) {
      const int64_t row = tile / across, column = tile % across;
      const Place corner = {row / down, row % down * outputs, column * outputs};
      runs.push_back({tile - first, corner, std::min(last - tile, across - column)});
    }
    return runs;
  }
  // Threads for a count of things, if the work is worth any.
  int64_t Threads(int64_t count, int64_t products) const { return tiles * products < 1 << 20 ? 1 : Parts(count); }
};

// Images that begin some pixels after the tiles.
struct Images {
  float* values;
  int64_t height, width, channels, top, left;

  // A row of pixels below a tile's corner; none where it is outside.
  float* Row(const Place& corner, int64_t down) const {
    const int64_t y = corner.y + down - top;
    return y >= 0 && y < height ? values + (corner.example * height + y) * width * channels : nullptr;
  }
};

// Values that begin with a line of the cache.
constexpr int64_t cacheLine = 16;
using Buffer = std::unique_ptr<float[], decltype(&std::free)>;
inline Buffer Allocate(int64_t size) {
  constexpr size_t bytes = cacheLine * sizeof(float);
  return Buffer(static_cast<float*>(std::aligned_alloc(bytes, (size + cacheLine - 1) / cacheLine * bytes)), std::free);
}

// What is done to outputs.
struct After {
  const float* bias;  // of each channel, or none
  bool relu;
};

struct Formulas {
  void (*forward)(const Images& x, const float* filter, const After& after, const Images& y, const Grid& grid);
  void (*gradient)(const Images& x, const Images& dy, const Grid& grid, float* dw);
};

#define FORMULAS "winogradFormulas.h"
#include "eachLength.h"

// The longer vectors, unless the shorter ones take all channels.
const Formulas& FormulasFor(const Images& x, const Images& y) {
  static const bool hasAvx512 = HasAvx512();
  return hasAvx512 && std::max(x.channels, y.channels) > lanes ? avx512::formulas : avx2::formulas;
}

// Rows and columns of zeros that the convolution adds to its images, and whether it ends with relu.
struct Options {
  int64_t top, bottom, left, right;
  unsigned char relu;
};

template <bool forward>
void* Create(TF_OpKernelConstruction* context) {
  const Status status;
  auto options = std::make_unique<Options>();
  TF_OpKernelConstruction_GetAttrInt64List(context, "padding", &options->top, 4, status);
  if (forward && status.ok()) TF_OpKernelConstruction_GetAttrBool(context, "relu", &options->relu, status);
  if (status.ok()) return options.release();
  TF_OpKernelConstruction_Failure(context, status);
  return nullptr;
}

void Delete(void* kernel) { delete static_cast<Options*>(kernel); }

// [3, 3, in, out] as [3, 3, out, in], from the last position to the first.
Buffer Turned(const float* filter, int64_t in, int64_t out) {
  Buffer turned = Allocate(extent * extent * in * out);
  const int64_t whole = in / lanes * lanes;
  for (int64_t k = 0; k < extent * extent; k++) {
    const float* const from = filter + k * in * out;
    float* const to = turned.get() + (extent * extent - 1 - k) * in * out;
    Gather(from, whole, out, out, whole, to, in);
    for (int64_t o = 0; o < out; o++) {
      for (int64_t i = whole; i < in; i++) to[o * in + i] = from[i * out + o];
    }
  }
  return turned;
}

// The convolution, or the gradient of its input: the convolution of the output's gradient with the turned filter.
template <bool turns>
void Convolve(void* kernel, TF_OpKernelContext* context) {
  auto [top, bottom, left, right, relu] = *static_cast<Options*>(kernel);
  if (turns) top = extent - 1 - top, bottom = extent - 1 - bottom, left = extent - 1 - left, right = extent - 1 - right;
  const Status status;
  const bool biased = TF_NumInputs(context) > 2;
  const Tensor given = Tensor::Input(context, 0, status), filter = Tensor::Input(context, 1, status);
  const Tensor bias = Tensor::Input(context, biased ? 2 : 1, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const std::vector<int64_t> in = given.shape(), taps = filter.shape();
  const bool are = in.size() == 4 && taps.size() == 4 && taps[0] == extent && taps[1] == extent && taps[turns ? 3 : 2] == in[3];
  const int64_t height = are ? in[1] + top + bottom - extent + 1 : 0, width = are ? in[2] + left + right - extent + 1 : 0;
  const int64_t channels = are ? taps[turns ? 2 : 3] : 0;
  if (height < 1 || width < 1 || (biased && bias.size() != channels)) {
    TF_SetStatus(status, TF_INVALID_ARGUMENT, "x must be images at least as large as a filter of 3x3, with its channels, and a bias must have those of the output");
    return TF_OpKernelContext_Failure(context, status);
  }
  const Tensor made = Tensor::Output(context, 0, {in[0], height, width, channels}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const Images x{given.values(), in[1], in[2], in[3], top, left}, y{made.values(), height, width, channels, 0, 0};
  const Buffer turned = turns ? Turned(filter.values(), channels, in[3]) : Buffer(nullptr, std::free);
  FormulasFor(x, y).forward(x, turns ? turned.get() : filter.values(), After{biased ? bias.values() : nullptr, bool(relu)}, y, Grid(in[0], height, width));
}

void FilterGradient(void* kernel, TF_OpKernelContext* context) {
  const auto [top, bottom, left, right, relu] = *static_cast<Options*>(kernel);
  const Status status;
  const Tensor given = Tensor::Input(context, 0, status), gradient = Tensor::Input(context, 1, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const std::vector<int64_t> in = given.shape(), out = gradient.shape();
  const bool fits = in.size() == 4 && out.size() == 4 && in[0] == out[0] && out[1] == in[1] + top + bottom - extent + 1 &&
                    out[2] == in[2] + left + right - extent + 1;
  if (!fits) {
    TF_SetStatus(status, TF_INVALID_ARGUMENT, "x and dy must be images of one batch, before and after a filter of 3x3");
    return TF_OpKernelContext_Failure(context, status);
  }
  const Tensor dw = Tensor::Output(context, 0, {extent, extent, in[3], out[3]}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const Images x{given.values(), in[1], in[2], in[3], top, left}, dy{gradient.values(), out[1], out[2], out[3], 0, 0};
  FormulasFor(x, dy).gradient(x, dy, Grid(out[0], out[1], out[2]), dw.values());
}

}  // namespace

Op Convolution() {
  return {"TwotempConvolution",
          {"padding: list(int)", "relu: bool", "biases: int >= 0"},
          {"x: float", "filter: float", "bias: biases * float"},
          {"y: float"},
          Create<true>,
          Convolve<false>,
          Delete};
}

Op ConvolutionInputGradient() {
  return {"TwotempConvolutionInputGradient", {"padding: list(int)"}, {"dy: float", "filter: float"}, {"dx: float"}, Create<false>, Convolve<true>, Delete};
}

Op ConvolutionFilterGradient() {
  return {"TwotempConvolutionFilterGradient", {"padding: list(int)"}, {"x: float", "dy: float"}, {"dw: float"}, Create<false>, FilterGradient, Delete};
}

}  // namespace twotemp
#endif
