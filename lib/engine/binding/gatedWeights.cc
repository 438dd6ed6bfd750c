// Gates on weights (lib/engine/gatedWeights.ts): the masked weights `W a f` and, from their gradients G, those of the gates and of the
// weights, `G W f` and `G a f`. Gates lie one layer after the other.
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <cmath>
#include "kernel.h"
#if defined(__x86_64__) && !defined(__clang__)

namespace twotemp {
namespace {

// Runs work(begin, end) for parts of a layer, in as many threads as are worth it.
template <class Work>
void InLayer(int64_t count, const Work& work) {
  InParts(count, count < 1 << 18 ? 1 : Parts(count), [&](int64_t begin, int64_t end, int64_t) { work(begin, end); });
}

// The same for any number of threads; in float32 only for short parts.
double SumOf(const float* values, int64_t count) {
  constexpr int64_t side = 4, together = 8192;
  double sum = 0;
  int64_t i = 0;
  while (i + side * lanes <= count) {
    Lanes sums[side] = {};
    for (const int64_t end = std::min(count, i + together); i + side * lanes <= end; i += side * lanes) {
      for (int64_t k = 0; k < side; k++) sums[k] += Load(values + i + k * lanes);
    }
    const Lanes part = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (int64_t lane = 0; lane < lanes; lane++) sum += part[lane];
  }
  for (; i < count; i++) sum += values[i];
  return sum;
}

void MaskWeights(void*, TF_OpKernelContext* context) {
  const Status status;
  const int layers = TF_NumInputs(context) - 1;
  const Tensor gates = Tensor::Input(context, 0, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const float* a = gates.values();
  for (int layer = 0; layer < layers && status.ok(); layer++) {
    const Tensor weight = Tensor::Input(context, 1 + layer, status);
    const Tensor masked = Tensor::Output(context, layer, weight.shape(), status), factor = Tensor::Output(context, layers + layer, {}, status);
    if (!status.ok()) break;
    const int64_t count = weight.size();
    const double open = SumOf(a, count);
    // At least one gate's worth; NaN stays NaN.
    const float f = *factor.values() = std::sqrt(count / (open < 1 ? 1 : open));
    const float* const w = weight.values();
    float* const to = masked.values();
    InLayer(count, [=](int64_t begin, int64_t end) {
      int64_t i = begin;
      for (; i + lanes <= end; i += lanes) Store(to + i, Load(w + i) * (Load(a + i) * f));
      for (; i < end; i++) to[i] = w[i] * (a[i] * f);
    });
    a += count;
  }
  if (!status.ok()) TF_OpKernelContext_Failure(context, status);
}

struct Layer {
  const float *gradient, *weight, *gates;
  float factor;
  float *ofGates, *ofWeight;
};

// The weight's gradient may take the place of the masked one's. Gradients of gates that are too many for the caches go to memory past
// them: it needn't be read first.
void Multiply(const Layer& layer, int64_t begin, int64_t end, bool streams) {
  const auto [gradient, weight, gates, factor, ofGates, ofWeight] = layer;
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) {
    const Lanes g = Load(gradient + i), product = g * Load(weight + i) * factor;
    if (streams && reinterpret_cast<uintptr_t>(ofGates + i) % sizeof(Lanes) == 0) {
      _mm256_stream_ps(ofGates + i, __m256(product));
    } else {
      Store(ofGates + i, product);
    }
    if (ofWeight) Store(ofWeight + i, g * (Load(gates + i) * factor));
  }
  if (streams) _mm_sfence();
  for (; i < end; i++) {
    const float g = gradient[i];
    ofGates[i] = g * weight[i] * factor;
    if (ofWeight) ofWeight[i] = g * (gates[i] * factor);
  }
}

void Differentiate(void*, TF_OpKernelContext* context) {
  const Status status;
  const int trained = TF_NumOutputs(context) - 1, layers = (TF_NumInputs(context) - 1) / 3;
  // Weights' gradients first, in the memory of the masked weights' ones where nothing else is to read these.
  std::vector<Tensor> ofWeights, inputs;
  for (int layer = 0; layer < trained; layer++) ofWeights.push_back(Tensor::InPlaceOf(context, 1 + layer, 1 + layer, status));
  for (int index = 0; index < 1 + 3 * layers; index++) inputs.push_back(Tensor::Input(context, index, status));
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const int64_t size = inputs[0].size();
  const Tensor output = Tensor::Output(context, 0, {size}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const float* gates = inputs[0].values();
  float* ofGates = output.values();
  for (int layer = 0; layer < layers; layer++) {
    const auto given = [&](int kind) { return inputs[1 + kind * layers + layer].values(); };
    const Layer all = {given(0), given(1), gates, *given(2), ofGates, layer < trained ? ofWeights[layer].values() : nullptr};
    const int64_t count = inputs[1 + layer].size();
    InLayer(count, [&](int64_t begin, int64_t end) { Multiply(all, begin, end, size > 1 << 19); });
    gates += count;
    ofGates += count;
  }
}

}  // namespace

Op MaskedWeights() {
  return {"TwotempMaskedWeights",
          {"layers: int >= 1"},
          {"gates: float", "weights: layers * float"},
          {"masked: layers * float", "factors: layers * float"},
          nullptr,
          MaskWeights,
          nullptr};
}

Op GateGradient() {
  return {"TwotempGateGradient",
          {"layers: int >= 1", "trained: int >= 0"},
          {"gates: float", "gradients: layers * float", "weights: layers * float", "factors: layers * float"},
          {"gradient: float", "weight_gradients: trained * float"},
          nullptr,
          Differentiate,
          nullptr};
}

}  // namespace twotemp
#endif
