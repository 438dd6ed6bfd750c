// The gradients of gates on weights and of the weights from those of the masked weights (lib/engine/gateGradient.ts): G W f and G M.
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "kernel.h"
#if defined(__x86_64__) && !defined(__clang__)

namespace twotemp {
namespace {

struct Layer {
  const float *gradient, *weight, *mask;
  float factor;
  float *ofGates, *ofWeight;
};

// The weight's gradient may take the place of the masked one's. Gradients of gates that are too many for the caches go to memory past
// them: it needn't be read first.
void Multiply(const Layer& layer, int64_t begin, int64_t end, bool streams) {
  const auto [gradient, weight, mask, factor, ofGates, ofWeight] = layer;
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) {
    const Lanes g = Load(gradient + i), product = g * Load(weight + i) * factor;
    if (streams && reinterpret_cast<uintptr_t>(ofGates + i) % sizeof(Lanes) == 0) {
      _mm256_stream_ps(ofGates + i, __m256(product));
    } else {
      Store(ofGates + i, product);
    }
    if (mask) Store(ofWeight + i, g * Load(mask + i));
  }
  if (streams) _mm_sfence();
  for (; i < end; i++) {
    const float g = gradient[i];
    ofGates[i] = g * weight[i] * factor;
    if (mask) ofWeight[i] = g * mask[i];
  }
}

void Compute(void*, TF_OpKernelContext* context) {
  const Status status;
  const int trained = TF_NumOutputs(context) - 1, layers = (TF_NumInputs(context) - trained) / 3;
  // Weights' gradients first, in the memory of the masked weights' ones where nothing else is to read these.
  std::vector<Tensor> ofWeights, inputs;
  for (int layer = 0; layer < trained; layer++) ofWeights.push_back(Tensor::InPlaceOf(context, layer, 1 + layer, status));
  for (int index = 0; index < 3 * layers + trained; index++) inputs.push_back(Tensor::Input(context, index, status));
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  int64_t size = 0;
  for (int layer = 0; layer < layers; layer++) size += inputs[layer].size();
  const Tensor output = Tensor::Output(context, 0, {size}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  float* ofGates = output.values();
  for (int layer = 0; layer < layers; layer++) {
    const auto given = [&](int kind) { return inputs[kind * layers + layer].values(); };
    const bool trains = layer < trained;
    const Layer all = {given(0), given(1), trains ? given(3) : nullptr, *given(2), ofGates, trains ? ofWeights[layer].values() : nullptr};
    const int64_t count = inputs[layer].size();
    InParts(count, count < 1 << 18 ? 1 : Parts(count),
            [&](int64_t begin, int64_t end, int64_t) { Multiply(all, begin, end, size > 1 << 19); });
    ofGates += count;
  }
}

}  // namespace

Op GateGradient() {
  return {"TwotempGateGradient",
          {"layers: int >= 1", "trained: int >= 0"},
          {"gradients: layers * float", "weights: layers * float", "factors: layers * float", "masks: trained * float"},
          {"gradient: float", "weight_gradients: trained * float"},
          nullptr,
          Compute,
          nullptr};
}

}  // namespace twotemp
#endif
