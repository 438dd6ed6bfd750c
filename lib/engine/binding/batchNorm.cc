// Batch normalisation with the statistics of the batch, with relu if that is wanted. oneDNN's takes twice as long for as few channels as
// small networks have.
#include <cmath>
#include "kernel.h"

namespace twotemp {
namespace {

struct Options {
  float epsilon;
  bool relu;
};

// As many rows are added in float32; their sums in float64.
constexpr int64_t together = 256;

// Adds to `sums` of V * 8 channels, over rows that are `step` apart, x - mean or its square.
template <int V, bool squares>
void Add(const float* x, int64_t rows, int64_t step, const float* mean, double* sums) {
  Lanes center[V];
  for (int v = 0; v < V; v++) center[v] = Load(mean + v * lanes);
  for (int64_t first = 0; first < rows; first += together) {
    const int64_t last = std::min(first + together, rows);
    Lanes part[V] = {};
    for (int64_t row = first; row < last; row++) {
      for (int v = 0; v < V; v++) {
        const Lanes value = Load(x + row * step + v * lanes) - center[v];
        part[v] += squares ? value * value : value;
      }
    }
    for (int v = 0; v < V; v++) {
      for (int lane = 0; lane < lanes; lane++) sums[v * lanes + lane] += part[v][lane];
    }
  }
}

template <int V, bool relu>
void Normalise(const float* x, float* y, int64_t rows, int64_t step, const float* mean, const float* factor, const float* offset) {
  Lanes center[V], slope[V], shift[V];
  for (int v = 0; v < V; v++) {
    center[v] = Load(mean + v * lanes), slope[v] = Load(factor + v * lanes), shift[v] = Load(offset + v * lanes);
  }
  for (int64_t row = 0; row < rows; row++) {
    for (int v = 0; v < V; v++) {
      const Lanes value = (Load(x + row * step + v * lanes) - center[v]) * slope[v] + shift[v];
      Store(y + row * step + v * lanes, relu ? (value < 0 ? Lanes{} : value) : value);
    }
  }
}

// Calls work with how many times 8 channels it shall take and the first of them.
template <class Work>
void OverChannels(int64_t channels, const Work& work) {
  int64_t channel = 0;
  for (; channel + 4 * lanes <= channels; channel += 4 * lanes) work(std::integral_constant<int, 4>(), channel);
  for (; channel + 2 * lanes <= channels; channel += 2 * lanes) work(std::integral_constant<int, 2>(), channel);
  for (; channel < channels; channel += lanes) work(std::integral_constant<int, 1>(), channel);
}

// The mean over the rows of x - mean or of its square, for each channel.
template <bool squares>
std::vector<double> Mean(const float* x, int64_t rows, int64_t channels, const float* mean, int64_t parts) {
  std::vector<std::vector<double>> sums(parts, std::vector<double>(channels));
  InParts(rows, parts, [&](int64_t first, int64_t last, int64_t part) {
    OverChannels(channels, [&](auto v, int64_t channel) {
      Add<v.value, squares>(x + first * channels + channel, last - first, channels, mean + channel, &sums[part][channel]);
    });
  });
  for (int64_t channel = 0; channel < channels; channel++) {
    for (int64_t part = 1; part < parts; part++) sums[0][channel] += sums[part][channel];
    sums[0][channel] /= rows;
  }
  return sums[0];
}

void* Create(TF_OpKernelConstruction* context) {
  Status status;
  auto options = std::make_unique<Options>();
  unsigned char relu = 0;
  TF_OpKernelConstruction_GetAttrFloat(context, "epsilon", &options->epsilon, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrBool(context, "relu", &relu, status);
  options->relu = relu;
  if (status.ok()) return options.release();
  TF_OpKernelConstruction_Failure(context, status);
  return nullptr;
}

void Delete(void* kernel) { delete static_cast<Options*>(kernel); }

void Compute(void* kernel, TF_OpKernelContext* context) {
  const Options& options = *static_cast<Options*>(kernel);
  Status status;
  const Tensor x = Tensor::Input(context, 0, status), scale = Tensor::Input(context, 1, status);
  const Tensor offset = Tensor::Input(context, 2, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const std::vector<int64_t> shape = x.shape();
  const int64_t channels = shape.empty() ? 0 : shape.back();
  if (channels == 0 || channels % lanes != 0 || x.size() == 0 || scale.size() != channels || offset.size() != channels) {
    TF_SetStatus(status, TF_INVALID_ARGUMENT, "x must have a multiple of 8 channels, scale and offset as many");
    return TF_OpKernelContext_Failure(context, status);
  }
  // The last two are those of the batch again, as the gradient takes them.
  const Tensor y = Tensor::Output(context, 0, shape, status), mean = Tensor::Output(context, 1, {channels}, status);
  const Tensor unbiased = Tensor::Output(context, 2, {channels}, status);
  const Tensor again = Tensor::Output(context, 3, {channels}, status), variance = Tensor::Output(context, 4, {channels}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);

  const int64_t rows = x.size() / channels, parts = x.size() < 1 << 16 ? 1 : Parts(rows);
  // About the first row, whose values are near the mean, sums lose no digits.
  const std::vector<float> first(x.values(), x.values() + channels);
  const std::vector<double> means = Mean<false>(x.values(), rows, channels, first.data(), parts);
  for (int64_t c = 0; c < channels; c++) again.values()[c] = mean.values()[c] = first[c] + means[c];
  const std::vector<double> variances = Mean<true>(x.values(), rows, channels, mean.values(), parts);
  std::vector<float> factor(channels);
  for (int64_t c = 0; c < channels; c++) {
    variance.values()[c] = variances[c];
    unbiased.values()[c] = variances[c] * rows / std::max<int64_t>(rows - 1, 1);
    factor[c] = scale.values()[c] / std::sqrt(variances[c] + options.epsilon);
  }
  InParts(rows, parts, [&](int64_t from, int64_t to, int64_t) {
    OverChannels(channels, [&](auto v, int64_t c) {
      const auto normalise = options.relu ? Normalise<v.value, true> : Normalise<v.value, false>;
      const int64_t at = from * channels + c;
      normalise(x.values() + at, y.values() + at, to - from, channels, mean.values() + c, factor.data() + c, offset.values() + c);
    });
  });
}

}  // namespace

Op BatchNorm() {
  return {"TwotempBatchNorm",
          {"epsilon: float", "relu: bool"},
          {"x: float", "scale: float", "offset: float"},
          {"y: float", "mean: float", "unbiased: float", "mean_again: float", "variance: float"},
          Create,
          Compute,
          Delete};
}

}  // namespace twotemp
