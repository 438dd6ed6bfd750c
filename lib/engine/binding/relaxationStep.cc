// A step of the default relaxation (lib/relaxation/onePass.ts) in one pass over the gates, where TensorFlow's ops take some thirty.
// The functions are Eigen's, by which TensorFlow computes its ops, too, and here as there products aren't fused with sums: the results
// are the same bits, but for the last gates where their number isn't a multiple of 8.
#if defined(__x86_64__) && !defined(__clang__)
#include <immintrin.h>
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#pragma GCC diagnostic ignored "-Wpsabi"
#include <cmath>
#include <cstring>
#include "Eigen/Core"

namespace twotemp {
// As many values are computed side by side. (Sixteen at once, by AVX-512, were no faster: divisions take longer.)
constexpr int wide = 8;
using Wide = float __attribute__((vector_size(32)));
using WideIntegers = int32_t __attribute__((vector_size(32)));
}  // namespace twotemp

// What Eigen's functions need to know of such values.
namespace Eigen::internal {
using twotemp::Wide;
using twotemp::WideIntegers;
template <>
struct unpacket_traits<Wide> {
  using type = float;
  using integer_packet = WideIntegers;
};
template <>
[[gnu::always_inline]] inline Wide pset1<Wide>(const float& x) {
  return x - Wide{};
}
template <>
[[gnu::always_inline]] inline Wide pmin<Wide>(const Wide& a, const Wide& b) {
  return b < a ? b : a;
}
template <>
[[gnu::always_inline]] inline Wide pmax<Wide>(const Wide& a, const Wide& b) {
  return a < b ? b : a;
}
template <>
[[gnu::always_inline]] inline Wide pabs<Wide>(const Wide& x) {
  return Wide(WideIntegers(x) & 0x7fffffff);
}
template <>
[[gnu::always_inline]] inline Wide pcmp_lt<Wide>(const Wide& a, const Wide& b) {
  return Wide(a < b);
}
template <>
[[gnu::always_inline]] inline Wide pisnan<Wide>(const Wide& x) {
  return Wide(x != x);
}
template <>
[[gnu::always_inline]] inline Wide pselect<Wide>(const Wide& mask, const Wide& a, const Wide& b) {
  return WideIntegers(mask) ? a : b;
}
template <>
[[gnu::always_inline]] inline Wide pfloor<Wide>(const Wide& x) {
  const Wide whole = __builtin_convertvector(__builtin_convertvector(x, WideIntegers), Wide);
  return x < whole ? whole - 1 : whole;
}
template <>
struct pldexp_fast_impl<Wide> {
  [[gnu::always_inline]] static inline Wide run(const Wide& x, const Wide& exponent) {
    const Wide biased = pmin<Wide>(pmax<Wide>(exponent + 127, Wide{}), pset1<Wide>(255));
    return x * Wide(__builtin_convertvector(biased, WideIntegers) << 23);
  }
};
}  // namespace Eigen::internal

// From here on code is for newer processors, into which all of the above can be inlined.
#include "kernel.h"

namespace twotemp {
namespace {

struct Options {
  float scale, most, hot, cold, largest;
  unsigned char looks;
};

// The vectors of a relaxation, which change in place: no other tensor shares them.
enum Vector { logits, dual, squares, products, sums, lowest, highest, vectors };
struct Vectors {
  const float *gradient, *gates;
  float* own[vectors];
  float* opened;
};

Wide From(const float* values) {
  Wide loaded;
  std::memcpy(&loaded, values, sizeof loaded);
  return loaded;
}
void To(float* to, const Wide& values) { std::memcpy(to, &values, sizeof values); }

Wide InverseRoot(const Wide& x) {
  return Eigen::internal::generic_rsqrt_newton_step<Wide, 1>::run(x, Wide(_mm256_rsqrt_ps(__m256(x))));
}

// A step of Halley's, as in lib/relaxation/updates/halfDual.ts.
[[gnu::always_inline]] inline Wide Halley(const Wide& p, const Wide& dual) {
  const Wide h = Eigen::internal::ptanh_float<Wide>(p);
  const Wide newton = (h + (p - dual) * (1 - h * h)) * 0.5f;
  return p - newton / (1 - newton * h);
}

// Some gates, a multiple of `wide`.
[[gnu::flatten]] void Step(const Options& options, const Vectors& all, int64_t first, int64_t count) {
  using namespace Eigen::internal;
  // Each formula is one long chain: for some values side by side, stage by stage, the processor can work on several at once.
  constexpr int64_t near = 64;
  Wide y[near], p[near];
  for (int64_t start = first; start < first + count; start += near * wide) {
    const int64_t steps = std::min(near, (first + count - start) / wide);
    for (int64_t k = 0; k < steps; k++) {
      const int64_t i = start + k * wide;
      const auto own = [&](Vector vector) { return all.own[vector] + i; };
      const Wide g = From(all.gradient + i), summed = From(own(squares)) + g * g;
      const Wide moved = From(own(dual)) - g * InverseRoot(summed) * options.scale;
      y[k] = pmax<Wide>(pmin<Wide>(moved, pset1<Wide>(options.most)), pset1<Wide>(-options.most));
      p[k] = From(own(logits)) * (1 / (2 * options.hot));
      To(own(dual), y[k]);
      To(own(squares), summed);
      To(own(products), From(own(products)) + g * From(all.gates + i));
      To(own(sums), From(own(sums)) + g);
    }
    for (int step = 0; step < 2; step++) {
      for (int64_t k = 0; k < steps; k++) p[k] = Halley(p[k], y[k]);
    }
    for (int64_t k = 0; k < steps; k++) {
      const int64_t i = start + k * wide;
      const auto own = [&](Vector vector) { return all.own[vector] + i; };
      const Wide x = p[k] * (2 * options.hot);
      To(own(logits), x);
      To(all.opened + i, scalar_logistic_op<float>().packetOp<Wide>(x * (1 / options.cold)));
      if (!options.looks) continue;
      To(own(lowest), pmin<Wide>(From(own(lowest)), x));
      To(own(highest), pmax<Wide>(From(own(highest)), x));
    }
  }
}

// The last gates, fewer than `wide`, in vectors of that length.
void LastStep(const Options& options, const Vectors& all, int64_t first, int64_t count) {
  float gradient[wide] = {}, gates[wide] = {}, opened[wide] = {}, own[vectors][wide] = {};
  std::copy_n(all.gradient + first, count, gradient);
  std::copy_n(all.gates + first, count, gates);
  Vectors last = {gradient, gates, {}, opened};
  for (int vector = 0; vector < vectors; vector++) {
    std::copy_n(all.own[vector] + first, count, own[vector]);
    last.own[vector] = own[vector];
  }
  Step(options, last, 0, wide);
  for (int vector = 0; vector < vectors; vector++) std::copy_n(own[vector], count, all.own[vector] + first);
  std::copy_n(opened, count, all.opened + first);
}

float SumOfSquares(const float* values, int64_t count) {
  Wide total = {};
  int64_t i = 0;
  for (; i + wide <= count; i += wide) total += From(values + i) * From(values + i);
  float sum = 0;
  for (int lane = 0; lane < wide; lane++) sum += total[lane];
  for (; i < count; i++) sum += values[i] * values[i];
  return sum;
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
  const Tensor gradient = Tensor::Input(context, 0, status), gates = Tensor::Input(context, 1, status);
  std::vector<Tensor> own;
  for (int vector = 0; vector < vectors; vector++) own.push_back(Tensor::Input(context, 2 + vector, status));
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const int64_t size = gradient.size();
  const Tensor opened = Tensor::Output(context, 0, {size}, status), squared = Tensor::Output(context, 1, {1}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);

  // Parts of gates by which threads divide them; sums are the same for any number of threads.
  constexpr int64_t together = 8192;
  const int64_t parts = (size + together - 1) / together;
  const auto each = [&](const auto& work) {
    InParts(parts, size < 1 << 16 ? 1 : Parts(parts), [&](int64_t begin, int64_t end, int64_t) {
      for (int64_t part = begin; part < end; part++) work(part * together, std::min(together, size - part * together));
    });
  };
  std::vector<float> squaresOf(parts);
  each([&](int64_t first, int64_t count) { squaresOf[first / together] = SumOfSquares(gradient.values() + first, count); });
  double sum = 0;
  for (const float part : squaresOf) sum += part;
  // Nothing has changed yet if the gradient can't be used, and nothing does.
  const bool usable = sum <= double(options.largest) * options.largest;
  *squared.values() = usable ? sum : INFINITY;
  if (!usable) return;
  Vectors all = {gradient.values(), gates.values(), {}, opened.values()};
  for (int vector = 0; vector < vectors; vector++) all.own[vector] = own[vector].values();
  each([&](int64_t first, int64_t count) {
    const int64_t whole = count - count % wide;
    Step(options, all, first, whole);
    if (whole < count) LastStep(options, all, first + whole, count - whole);
  });
}

void Delete(void* kernel) { delete static_cast<Options*>(kernel); }

}  // namespace

Op RelaxationStep() {
  return {"TwotempRelaxationStep",
          {"scale: float", "most: float", "hot: float", "cold: float", "largest: float", "looks: bool"},
          {"gradient: float", "gates: float", "logits: float", "dual: float", "squares: float", "products: float", "sums: float", "lowest: float",
           "highest: float"},
          {"opened: float", "squared: float"},
          Create,
          Compute,
          Delete};
}

}  // namespace twotemp
#pragma GCC pop_options
#endif
