// A step of the adaptive update (lib/relaxation/updates/adaptive.ts) in one pass over the gates, where TensorFlow's ops take some twenty.
#include "kernel.h"
// Eigen, by which TensorFlow computes such ops, too, and for the processors for which TensorFlow was compiled: the results are the same
// bits, but for the last gates where their number isn't a multiple of 8.
#pragma GCC push_options
#ifdef __x86_64__
#pragma GCC target("no-avx2,no-fma,avx")
#endif
#include "Eigen/Core"

namespace twotemp {
namespace {

struct Options {
  float scale, most, hot;
};

// Gates whose values stay in the nearest cache.
constexpr int64_t together = 512;
using Values = Eigen::Array<float, Eigen::Dynamic, 1, Eigen::ColMajor, together, 1>;

// Logits, half dual variables and sums of squares.
using State = Tensor[3];

// Not to be inlined where products may be fused.
[[gnu::noinline]] void Move(const Options& options, const Tensor& gradient, const State& from, const State& to, int64_t first, int64_t count) {
  const auto part = [&](const Tensor& tensor) { return Eigen::Map<Values>(tensor.values() + first, count); };
  const auto g = part(gradient);
  const Values squares = part(from[2]) + g * g;
  const Values dual = (part(from[1]) - g * squares.rsqrt() * options.scale).min(options.most).max(-options.most);
  // Halley's steps, as in lib/relaxation/updates/halfDual.ts.
  Values p = part(from[0]) * (1 / (2 * options.hot));
  for (int step = 0; step < 2; step++) {
    const Values h = p.tanh();
    const Values newton = (h + (p - dual) * (1 - h * h)) * 0.5f;
    p -= newton / (1 - newton * h);
  }
  part(to[0]) = p * (2 * options.hot);
  part(to[1]) = dual;
  part(to[2]) = squares;
}

void* Create(TF_OpKernelConstruction* construction) {
  auto* const options = new Options;
  const Status status;
  TF_OpKernelConstruction_GetAttrFloat(construction, "scale", &options->scale, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrFloat(construction, "most", &options->most, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrFloat(construction, "hot", &options->hot, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return options;
}

void Compute(void* kernel, TF_OpKernelContext* context) {
  const Status status;
  const auto input = [&](int index) { return Tensor::Input(context, index, status); };
  const State from = {input(0), input(1), input(2)};
  const Tensor gradient = input(3);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const int64_t size = gradient.size();
  const auto output = [&](int index) { return Tensor::Output(context, index, {size}, status); };
  const State to = {output(0), output(1), output(2)};
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const int64_t blocks = (size + together - 1) / together;
  InParts(blocks, size < 1 << 16 ? 1 : Parts(blocks), [&](int64_t begin, int64_t end, int64_t) {
    for (int64_t block = begin; block < end; block++) {
      const int64_t first = block * together;
      Move(*static_cast<Options*>(kernel), gradient, from, to, first, std::min(together, size - first));
    }
  });
}

void Delete(void* kernel) { delete static_cast<Options*>(kernel); }

}  // namespace
#pragma GCC pop_options

Op AdaptiveUpdate() {
  return {"TwotempAdaptiveUpdate",
          {"scale: float", "most: float", "hot: float"},
          {"logits: float", "dual: float", "squares: float", "gradient: float"},
          {"new_logits: float", "new_dual: float", "new_squares: float"},
          Create,
          Compute,
          Delete};
}

}  // namespace twotemp
