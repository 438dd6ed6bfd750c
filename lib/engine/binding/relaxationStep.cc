// A step of the default relaxation (lib/relaxation/onePass.ts) in one pass over the gates, where TensorFlow's ops take some thirty.
// Loops are plain, for the compiler to turn into vectors as long as the processor's.
#if defined(__x86_64__) && !defined(__clang__)
#include <bit>
#include <cmath>
#include <numeric>
#include "kernel.h"
#include "kernels.h"

namespace twotemp {
namespace {

struct Options {
  float scale, most, hot, cold, largest;
  unsigned char looks;
};

// The vectors of a relaxation, which change in place: no other tensor shares them.
enum Vector { logits, dual, squares, products, sums, lowest, highest, vectors };
struct Vectors {
  const float *gradient, *price, *gates;
  bool onePrice;
  float* own[vectors];
  float* opened;
};

// As many gates go from one formula to the next. Each formula is a long chain, so that the processor works on several gates at once; of
// more it wouldn't begin to read the next ones while it computes.
constexpr int64_t near = 64;
// Parts of gates by which threads divide them; sums are the same for any number of threads.
constexpr int64_t together = 8192;

// The gradient with the price of at most `near` gates.
[[gnu::always_inline]] inline void Priced(const Vectors& all, int64_t first, int64_t count, float* to) {
  const float *const gradient = all.gradient + first, *const price = all.price + first, one = *all.price;
  if (all.onePrice) {
    for (int64_t i = 0; i < count; i++) to[i] = gradient[i] + one;
  } else {
    for (int64_t i = 0; i < count; i++) to[i] = gradient[i] + price[i];
  }
}

[[gnu::always_inline]] inline float Clamp(float x, float most) {
  const float below = x < most ? x : most;
  return below > -most ? below : -most;
}

// Of numbers up to 87; the next float or the one after.
[[gnu::always_inline]] inline float Exponential(float x) {
  // A sum with this is rounded to a whole number, which is in its last bits.
  constexpr float rounding = 0x1.8p23f;
  const float shifted = x * 0x1.715476p0f + rounding, power = shifted - rounding;
  // ln 2 in two parts, of which the first has few bits.
  const float rest = x - power * 0x1.62e4p-1f - power * 0x1.7f7d1cp-20f;
  const float high = 1.0f / 24 + rest * (1.0f / 120 + rest * (1.0f / 720 + rest * (1.0f / 5040)));
  const float mantissa = 1 + rest + rest * rest * (0.5f + rest * (1.0f / 6 + rest * high));
  return std::bit_cast<float>(std::bit_cast<int32_t>(mantissa) + (std::bit_cast<int32_t>(shifted) << 23));
}

// The `p` with `p + sinh(2p)/2 = dual`, from those of before. With `h = tanh p` Newton's step is `t = (h + (p - dual)(1 - h^2))/2`,
// and the root lies `t + h t^2 + (5h^2 - 1)/3 t^3 + ...` away, a series whose sixth term is below `5.4 t^6`.
[[gnu::always_inline]] inline void Invert(const float* dual, int64_t count, float* p) {
  constexpr float nearEnough = 0.04f;
  for (int step = 0; step < 2; step++) {
    int32_t farthest = 0;
#pragma GCC ivdep
    for (int64_t i = 0; i < count; i++) {
      const float e = Exponential(2 * p[i]), inverse = 1 / (1 + e), h = (e - 1) * inverse, h2 = h * h;
      const float t = (h + (p[i] - dual[i]) * (4 * e * inverse * inverse)) * 0.5f;
      const float third = h2 * (5.0f / 3) - 1.0f / 3, fourth = h * (h2 * (10.0f / 3) - 4.0f / 3);
      const float fifth = h2 * (h2 * (22.0f / 3) - 22.0f / 5) + 4.0f / 15;
      p[i] -= t * (1 + t * (h + t * (third + t * (fourth + t * fifth))));
      farthest = std::max(farthest, std::bit_cast<int32_t>(std::abs(t)));
    }
    if (std::bit_cast<float>(farthest) <= nearEnough) return;
  }
}

// The gates of at most `near` logits, and their sums.
[[gnu::always_inline]] inline Lanes OpenGates(const float* x, int64_t count, float cold, float* opened) {
  const float toCold = -1 / cold;
#pragma GCC ivdep
  for (int64_t i = 0; i < count; i++) opened[i] = 1 / (1 + Exponential(Clamp(x[i] * toCold, 87)));
  Lanes total = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) total += Load(opened + i);
  for (; i < count; i++) total[0] += opened[i];
  return total;
}

inline float SumOf(const Lanes& values) {
  float sum = 0;
  for (int64_t lane = 0; lane < lanes; lane++) sum += values[lane];
  return sum;
}

// A step of at most `near` gates; the sums of those that it opens.
[[gnu::always_inline]] inline Lanes StepNear(const Options& options, const Vectors& all, int64_t first, int64_t count) {
  const float hot = options.hot, toHalf = 1 / (2 * hot);
  const auto own = [&](Vector vector) { return all.own[vector] + first; };
  const float* const gates = all.gates + first;
  float *const x = own(logits), *const summed = own(squares), *const opened = all.opened + first;
  float *const moved = own(dual), *const product = own(products), *const sum = own(sums);
  float g[near], y[near], p[near];
  Priced(all, first, count, g);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; i++) {
    summed[i] += g[i] * g[i];
    moved[i] = y[i] = Clamp(moved[i] - g[i] / std::sqrt(summed[i]) * options.scale, options.most);
    p[i] = x[i] * toHalf;
    product[i] += g[i] * gates[i];
    sum[i] += g[i];
  }
  Invert(y, count, p);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; i++) x[i] = p[i] * (2 * hot);
  const Lanes total = OpenGates(x, count, options.cold, opened);
  if (!options.looks) return total;
  float *const low = own(lowest), *const high = own(highest);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; i++) {
    low[i] = x[i] < low[i] ? x[i] : low[i];
    high[i] = x[i] > high[i] ? x[i] : high[i];
  }
  return total;
}

// The sum of the gates that it opens. Loops of a number of gates that the compiler knows have no conditions in them.
[[gnu::always_inline]] inline float StepOf(const Options& options, const Vectors& all, int64_t begin, int64_t end) {
  Lanes total = {};
  int64_t first = begin;
  for (; first + near <= end; first += near) total += StepNear(options, all, first, near);
  if (first < end) total += StepNear(options, all, first, end - first);
  return SumOf(total);
}

float ShortStep(const Options& options, const Vectors& all, int64_t begin, int64_t end) { return StepOf(options, all, begin, end); }
[[gnu::target("avx512f,prefer-vector-width=512")]] float LongStep(const Options& options, const Vectors& all, int64_t begin, int64_t end) {
  return StepOf(options, all, begin, end);
}

// Several sums at once, as each addition waits for the one before it.
float SumOfSquares(const Vectors& all, int64_t begin, int64_t end) {
  constexpr int64_t sums = 4;
  static_assert(near % (sums * lanes) == 0);
  float g[near];
  Lanes totals[sums] = {};
  for (int64_t first = begin; first < end; first += near) {
    const int64_t count = std::min(near, end - first);
    Priced(all, first, count, g);
    std::fill(g + count, g + near, 0.0f);
    for (int64_t i = 0; i < near; i += lanes) totals[i / lanes % sums] += Load(g + i) * Load(g + i);
  }
  return SumOf((totals[0] + totals[1]) + (totals[2] + totals[3]));
}

// The sum of what `work` gives for each part of the gates.
template <class Work>
double InSum(int64_t size, const Work& work) {
  const int64_t parts = (size + together - 1) / together;
  std::vector<float> sums(parts);
  InParts(parts, size < 1 << 16 ? 1 : Parts(parts), [&](int64_t begin, int64_t end, int64_t) {
    for (int64_t part = begin; part < end; part++) sums[part] = work(part * together, std::min(size, (part + 1) * together));
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

void* Create(TF_OpKernelConstruction* construction) {
  auto* const options = new Options;
  const Status status;
  const std::pair<const char*, float*> numbers[] = {
      {"scale", &options->scale}, {"most", &options->most}, {"hot", &options->hot}, {"cold", &options->cold}, {"largest", &options->largest}};
  for (const auto& [name, number] : numbers) {
    if (status.ok()) TF_OpKernelConstruction_GetAttrFloat(construction, name, number, status);
  }
  if (status.ok()) TF_OpKernelConstruction_GetAttrBool(construction, "looks", &options->looks, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return options;
}

void Compute(void* kernel, TF_OpKernelContext* context) {
  const Options& options = *static_cast<Options*>(kernel);
  const Status status;
  const Tensor gradient = Tensor::Input(context, 0, status), price = Tensor::Input(context, 1, status), gates = Tensor::Input(context, 2, status);
  std::vector<Tensor> own;
  for (int vector = 0; vector < vectors; vector++) own.push_back(Tensor::Input(context, 3 + vector, status));
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const int64_t size = gradient.size();
  const Tensor opened = Tensor::Output(context, 0, {size}, status), measured = Tensor::Output(context, 1, {2}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  Vectors all = {gradient.values(), price.values(), gates.values(), price.size() == 1, {}, opened.values()};
  for (int vector = 0; vector < vectors; vector++) all.own[vector] = own[vector].values();
  float* const to = measured.values();

  const double squared = InSum(size, [&](int64_t begin, int64_t end) { return SumOfSquares(all, begin, end); });
  // Nothing has changed yet if the gradient can't be used, and nothing does.
  const bool usable = squared <= double(options.largest) * options.largest;
  to[0] = usable ? squared : INFINITY;
  to[1] = 0;
  if (!usable) return;
  static const auto step = HasAvx512() ? LongStep : ShortStep;
  to[1] = InSum(size, [&](int64_t begin, int64_t end) { return step(options, all, begin, end); });
}

void Delete(void* kernel) { delete static_cast<Options*>(kernel); }

void* CreateGates(TF_OpKernelConstruction* construction) {
  auto* const cold = new float;
  const Status status;
  TF_OpKernelConstruction_GetAttrFloat(construction, "cold", cold, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return cold;
}

// The gates that a step ends with, to the bit, and their sum.
void ComputeGates(void* kernel, TF_OpKernelContext* context) {
  const float cold = *static_cast<float*>(kernel);
  const Status status;
  const Tensor given = Tensor::Input(context, 0, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const int64_t size = given.size();
  const Tensor opened = Tensor::Output(context, 0, {size}, status), sum = Tensor::Output(context, 1, {1}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const float* const x = given.values();
  float* const to = opened.values();
  *sum.values() = InSum(size, [&](int64_t begin, int64_t end) {
    Lanes total = {};
    for (int64_t first = begin; first < end; first += near) total += OpenGates(x + first, std::min(near, end - first), cold, to + first);
    return SumOf(total);
  });
}

void DeleteGates(void* kernel) { delete static_cast<float*>(kernel); }

}  // namespace

Op RelaxationStep() {
  return {"TwotempRelaxationStep",
          {"scale: float", "most: float", "hot: float", "cold: float", "largest: float", "looks: bool"},
          {"gradient: float", "price: float", "gates: float", "logits: float", "dual: float", "squares: float", "products: float", "sums: float",
           "lowest: float", "highest: float"},
          {"opened: float", "measured: float"},
          Create,
          Compute,
          Delete};
}

Op RelaxationGates() {
  return {"TwotempRelaxationGates", {"cold: float"}, {"logits: float"}, {"opened: float", "sum: float"}, CreateGates, ComputeGates, DeleteGates};
}

}  // namespace twotemp
#endif
