// The gradient of gates on weights from those of the masked weights, layer after layer (lib/engine/gateGradient.ts): G W f.
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "kernel.h"
#if defined(__x86_64__) && !defined(__clang__)

namespace twotemp {
namespace {

// Results that are too many for the caches go to memory past them: it needn't be read first.
void Multiply(const float* gradient, const float* weight, float factor, float* to, int64_t count, bool streams) {
  int64_t i = 0;
  if (streams && reinterpret_cast<uintptr_t>(to) % sizeof(Lanes) == 0) {
    for (; i + lanes <= count; i += lanes) _mm256_stream_ps(to + i, __m256(Load(gradient + i) * Load(weight + i) * factor));
    _mm_sfence();
  }
  for (; i < count; i++) to[i] = gradient[i] * weight[i] * factor;
}

void Compute(void*, TF_OpKernelContext* context) {
  const Status status;
  const int layers = TF_NumInputs(context) / 3;
  std::vector<Tensor> inputs;
  for (int index = 0; index < 3 * layers; index++) inputs.push_back(Tensor::Input(context, index, status));
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  int64_t size = 0;
  for (int layer = 0; layer < layers; layer++) size += inputs[layer].size();
  const Tensor output = Tensor::Output(context, 0, {size}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  float* to = output.values();
  for (int layer = 0; layer < layers; layer++) {
    const Tensor &gradient = inputs[layer], &weight = inputs[layers + layer];
    const float factor = *inputs[2 * layers + layer].values();
    const int64_t count = gradient.size();
    InParts(count, count < 1 << 18 ? 1 : Parts(count), [&](int64_t begin, int64_t end, int64_t) {
      Multiply(gradient.values() + begin, weight.values() + begin, factor, to + begin, end - begin, size > 1 << 19);
    });
    to += count;
  }
}

}  // namespace

Op GateGradient() {
  return {"TwotempGateGradient",
          {"layers: int >= 1"},
          {"gradients: layers * float", "weights: layers * float", "factors: layers * float"},
          {"gradient: float"},
          nullptr,
          Compute,
          nullptr};
}

}  // namespace twotemp
#endif
