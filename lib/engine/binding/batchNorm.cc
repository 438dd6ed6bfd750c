// Batch normalisation with the statistics of the batch, with relu if that is wanted. oneDNN's takes three times as long for as few
// channels as small networks have, and much longer for numbers of them that aren't multiples of 8, as compacted ones have.
#include <array>
#include <cmath>
#include <numeric>
#include "kernel.h"

namespace twotemp {
namespace {

struct Options {
  float epsilon;
  bool relu;
};

// As many rows are added in float32; their sums in float64.
constexpr int64_t together = 256;

// Values of all channels, row by row. Where these aren't a multiple of 8, some rows count as one that is: of as many times the channels.
struct Layout {
  int64_t channels, times, rows, left;

  Layout(int64_t size, int64_t channels) : channels(channels), times(lanes / std::gcd(channels, lanes)) {
    rows = size / (channels * times);
    left = size / channels - rows * times;
  }
  int64_t width() const { return channels * times; }
  int64_t count() const { return rows * times + left; }
  int64_t parts() const { return rows * width() < 1 << 16 ? 1 : Parts(rows); }
  std::vector<float> Repeat(const float* values) const {
    std::vector<float> all(width());
    for (int64_t i = 0; i < width(); i++) all[i] = values[i % channels];
    return all;
  }
};

// Calls work with how many times 8 columns it shall take and the first of them.
template <class Work>
void OverColumns(int64_t width, const Work& work) {
  int64_t column = 0;
  for (; column + 4 * lanes <= width; column += 4 * lanes) work(std::integral_constant<int, 4>(), column);
  for (; column + 2 * lanes <= width; column += 2 * lanes) work(std::integral_constant<int, 2>(), column);
  for (; column < width; column += lanes) work(std::integral_constant<int, 1>(), column);
}

// For each channel the sums over all rows of N terms; `terms` gives them, for eight values or one, of a place and its column.
template <size_t N, class Terms>
std::array<std::vector<double>, N> Sums(const Layout& layout, const Terms& terms) {
  const int64_t width = layout.width(), parts = layout.parts();
  std::vector<std::array<std::vector<double>, N>> sums(parts);
  InParts(layout.rows, parts, [&](int64_t from, int64_t to, int64_t part) {
    for (auto& sum : sums[part]) sum.resize(width);
    OverColumns(width, [&](auto v, int64_t column) {
      for (int64_t first = from; first < to; first += together) {
        const int64_t last = std::min(first + together, to);
        Lanes some[N][v.value] = {};
        for (int64_t row = first; row < last; row++) {
          for (int k = 0; k < v.value; k++) {
            const auto term = terms.template operator()<Lanes>(row * width + column + k * lanes, column + k * lanes);
            for (size_t s = 0; s < N; s++) some[s][k] += term[s];
          }
        }
        for (size_t s = 0; s < N; s++) {
          for (int i = 0; i < v.value * lanes; i++) sums[part][s][column + i] += some[s][i / lanes][i % lanes];
        }
      }
    });
  });
  std::array<std::vector<double>, N> all;
  for (size_t s = 0; s < N; s++) {
    all[s].resize(layout.channels);
    for (const auto& part : sums) {
      for (int64_t i = 0; i < width; i++) all[s][i % layout.channels] += part[s][i];
    }
  }
  for (int64_t i = 0; i < layout.left * layout.channels; i++) {
    const auto term = terms.template operator()<float>(layout.rows * width + i, i % layout.channels);
    for (size_t s = 0; s < N; s++) all[s][i % layout.channels] += term[s];
  }
  return all;
}

// Calls `make` with every place and its column.
template <class Make>
void Everywhere(const Layout& layout, const Make& make) {
  const int64_t width = layout.width();
  InParts(layout.rows, layout.parts(), [&](int64_t from, int64_t to, int64_t) {
    OverColumns(width, [&](auto v, int64_t column) {
      for (int64_t row = from; row < to; row++) {
        for (int k = 0; k < v.value; k++) {
          make.template operator()<Lanes>(row * width + column + k * lanes, column + k * lanes);
        }
      }
    });
  });
  for (int64_t i = 0; i < layout.left * layout.channels; i++) {
    make.template operator()<float>(layout.rows * width + i, i % layout.channels);
  }
}

template <class T>
T At(const float* values, int64_t place) {
  if constexpr (std::is_same_v<T, float>) return values[place];
  else return Load(values + place);
}
template <class T>
void Put(float* values, int64_t place, const T& value) {
  if constexpr (std::is_same_v<T, float>) values[place] = value;
  else Store(values + place, value);
}

// What the gradient computes again, to the bit, to know where relu let it through. It has a name, since a lambda in a template may be
// compiled without the processor's fused multiply-add.
template <class T>
T Normalised(const T& distance, const T& slope, const T& shift) {
  return distance * slope + shift;
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

// Of what stands for a channel: as many values, or an error.
bool Fits(const Tensor& x, const std::vector<const Tensor*>& channelwise, const Status& status) {
  const std::vector<int64_t> shape = x.shape();
  bool fits = !shape.empty() && x.size() > 0;
  for (const Tensor* each : channelwise) fits = fits && each->size() == shape.back();
  if (!fits) TF_SetStatus(status, TF_INVALID_ARGUMENT, "x must have values, and all else as many as it has channels");
  return fits;
}

void Forward(void* kernel, TF_OpKernelContext* context) {
  const Options& options = *static_cast<Options*>(kernel);
  Status status;
  const Tensor x = Tensor::Input(context, 0, status), scale = Tensor::Input(context, 1, status);
  const Tensor offset = Tensor::Input(context, 2, status);
  if (!status.ok() || !Fits(x, {&scale, &offset}, status)) return TF_OpKernelContext_Failure(context, status);
  const std::vector<int64_t> shape = x.shape();
  const int64_t channels = shape.back();
  // What the gradient takes: the batch's mean and variance, and the scale divided by the deviation.
  const Tensor y = Tensor::Output(context, 0, shape, status), mean = Tensor::Output(context, 1, {channels}, status);
  const Tensor unbiased = Tensor::Output(context, 2, {channels}, status);
  const Tensor again = Tensor::Output(context, 3, {channels}, status), variance = Tensor::Output(context, 4, {channels}, status);
  const Tensor factor = Tensor::Output(context, 5, {channels}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);

  const Layout layout(x.size(), channels);
  const float* const given = x.values();
  const double count = layout.count();
  // About the first row, whose values are near the mean, sums lose no digits; about the mean nothing is left of the first.
  std::vector<float> center = layout.Repeat(given);
  const auto distance = [&]<class T>(int64_t place, int64_t column) {
    return At<T>(given, place) - At<T>(center.data(), column);
  };
  const auto [sums] = Sums<1>(layout, [&]<class T>(int64_t place, int64_t column) {
    return std::array<T, 1>{distance.template operator()<T>(place, column)};
  });
  for (int64_t c = 0; c < channels; c++) again.values()[c] = mean.values()[c] = given[c] + sums[c] / count;
  center = layout.Repeat(mean.values());
  const auto [squares] = Sums<1>(layout, [&]<class T>(int64_t place, int64_t column) {
    const T from = distance.template operator()<T>(place, column);
    return std::array<T, 1>{from * from};
  });
  for (int64_t c = 0; c < channels; c++) {
    variance.values()[c] = squares[c] / count;
    unbiased.values()[c] = squares[c] / std::max(count - 1, 1.0);
    factor.values()[c] = scale.values()[c] / std::sqrt(squares[c] / count + options.epsilon);
  }
  const std::vector<float> slope = layout.Repeat(factor.values()), shift = layout.Repeat(offset.values());
  float* const out = y.values();
  const bool relu = options.relu;
  Everywhere(layout, [&]<class T>(int64_t place, int64_t column) {
    const T value = Normalised(distance.template operator()<T>(place, column), At<T>(slope.data(), column), At<T>(shift.data(), column));
    Put<T>(out, place, relu ? (value < 0 ? T{} : value) : value);
  });
}

// With x' = (x - mean) / deviation: d offset = sum dy, d scale = sum dy x', and
// dx = scale / deviation (dy - (d offset + x' d scale) / count).
void Backward(void* kernel, TF_OpKernelContext* context) {
  const Options& options = *static_cast<Options*>(kernel);
  Status status;
  const Tensor dx = Tensor::InPlaceOf(context, 0, 0, status), dy = Tensor::Input(context, 0, status);
  const Tensor x = Tensor::Input(context, 1, status), offset = Tensor::Input(context, 2, status);
  const Tensor mean = Tensor::Input(context, 3, status), variance = Tensor::Input(context, 4, status);
  const Tensor factor = Tensor::Input(context, 5, status);
  if (!status.ok() || !Fits(x, {&offset, &mean, &variance, &factor}, status)) return TF_OpKernelContext_Failure(context, status);
  if (dy.size() != x.size()) {
    TF_SetStatus(status, TF_INVALID_ARGUMENT, "dy must have as many values as x");
    return TF_OpKernelContext_Failure(context, status);
  }
  const std::vector<int64_t> shape = x.shape();
  const int64_t channels = shape.back();
  const Tensor dScale = Tensor::Output(context, 1, {channels}, status);
  const Tensor dOffset = Tensor::Output(context, 2, {channels}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);

  const Layout layout(x.size(), channels);
  const std::vector<float> center = layout.Repeat(mean.values()), factors = layout.Repeat(factor.values());
  const std::vector<float> offsets = layout.Repeat(offset.values());
  const float *const given = x.values(), *const gradients = dy.values();
  const bool relu = options.relu;
  const auto gradientAt = [&]<class T>(int64_t place, int64_t column, const T& distance) {
    const T gradient = At<T>(gradients, place);
    if (!relu) return gradient;
    return Normalised(distance, At<T>(factors.data(), column), At<T>(offsets.data(), column)) > 0 ? gradient : T{};
  };
  const auto sums = Sums<2>(layout, [&]<class T>(int64_t place, int64_t column) {
    const T distance = At<T>(given, place) - At<T>(center.data(), column);
    const T gradient = gradientAt.template operator()<T>(place, column, distance);
    return std::array<T, 2>{gradient, gradient * distance};
  });
  std::vector<float> tilt(channels), shift(channels);
  for (int64_t c = 0; c < channels; c++) {
    const double inverse = 1 / std::sqrt(double(variance.values()[c]) + options.epsilon);
    dOffset.values()[c] = sums[0][c];
    dScale.values()[c] = sums[1][c] * inverse;
    shift[c] = factor.values()[c] * sums[0][c] / layout.count();
    tilt[c] = factor.values()[c] * sums[1][c] * inverse * inverse / layout.count();
  }
  float* const out = dx.values();
  tilt = layout.Repeat(tilt.data()), shift = layout.Repeat(shift.data());
  Everywhere(layout, [&]<class T>(int64_t place, int64_t column) {
    const T distance = At<T>(given, place) - At<T>(center.data(), column);
    const T gradient = gradientAt.template operator()<T>(place, column, distance) * At<T>(factors.data(), column);
    Put<T>(out, place, gradient - At<T>(shift.data(), column) - distance * At<T>(tilt.data(), column));
  });
}

}  // namespace

Op BatchNorm() {
  return {"TwotempBatchNorm",
          {"epsilon: float", "relu: bool"},
          {"x: float", "scale: float", "offset: float"},
          {"y: float", "mean: float", "unbiased: float", "mean_again: float", "variance: float", "factor: float"},
          Create,
          Forward,
          Delete};
}

Op BatchNormGradient() {
  return {"TwotempBatchNormGradient",
          {"epsilon: float", "relu: bool"},
          {"dy: float", "x: float", "offset: float", "mean: float", "variance: float", "factor: float"},
          {"dx: float", "d_scale: float", "d_offset: float"},
          Create,
          Backward,
          Delete};
}

}  // namespace twotemp
