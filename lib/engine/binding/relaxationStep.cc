// A step of the default relaxation (lib/relaxation/onePass.ts) in one pass over the gates, where TensorFlow's ops take some thirty.
#if defined(__x86_64__) && !defined(__clang__)
#include <immintrin.h>
#include <cfloat>
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

// The vectors of a relaxation. From the logits on they change in place: no other tensor shares them.
enum Stream { gradient, price, gates, logits, dual, squares, products, sums, lowest, highest, opened, streams, changing = logits };
struct Vectors {
  float* at[streams] = {};
  bool onePrice = false;
};

// Each goes over some of the gates, and gives a sum over them: of the gradient's squares, or of the gates that it opens.
struct Formulas {
  float (*squares)(const Options& options, const Vectors& all, int64_t begin, int64_t end);
  float (*step)(const Options& options, const Vectors& all, int64_t begin, int64_t end);
  float (*open)(const Options& options, const Vectors& all, int64_t begin, int64_t end);
};

#define FORMULAS "relaxationFormulas.h"
#include "eachLength.h"

// Parts of gates by which threads divide them; sums are the same for any number of threads.
constexpr int64_t together = 8192;

// The sum of what a formula gives for each part of the gates.
double InSum(int64_t size, float (*Formulas::*formula)(const Options&, const Vectors&, int64_t, int64_t), const Options& options,
             const Vectors& all) {
  static const Formulas& formulas = HasAvx512() ? avx512::formulas : avx2::formulas;
  const int64_t parts = (size + together - 1) / together;
  std::vector<float> sums(parts);
  InParts(parts, size < 1 << 16 ? 1 : Parts(parts), [&](int64_t begin, int64_t end, int64_t) {
    for (int64_t part = begin; part < end; part++) {
      sums[part] = (formulas.*formula)(options, all, part * together, std::min(size, (part + 1) * together));
    }
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
  std::vector<Tensor> given;
  for (int stream = 0; stream < opened; stream++) given.push_back(Tensor::Input(context, stream, status));
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const int64_t size = given[gradient].size();
  const Tensor made = Tensor::Output(context, 0, {size}, status), measured = Tensor::Output(context, 1, {2}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  Vectors all;
  for (int stream = 0; stream < opened; stream++) all.at[stream] = given[stream].values();
  all.at[opened] = made.values();
  all.onePrice = given[price].size() == 1;
  float* const to = measured.values();

  const double squared = InSum(size, &Formulas::squares, options, all);
  // Nothing has changed yet if the gradient can't be used, and nothing does.
  const bool usable = squared <= double(options.largest) * options.largest;
  to[0] = usable ? squared : INFINITY;
  to[1] = usable ? InSum(size, &Formulas::step, options, all) : 0;
}

void Delete(void* kernel) { delete static_cast<Options*>(kernel); }

void* CreateGates(TF_OpKernelConstruction* construction) {
  auto* const options = new Options{};
  const Status status;
  TF_OpKernelConstruction_GetAttrFloat(construction, "cold", &options->cold, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return options;
}

// The gates that a step ends with, to the bit, and their sum.
void ComputeGates(void* kernel, TF_OpKernelContext* context) {
  const Options& options = *static_cast<Options*>(kernel);
  const Status status;
  const Tensor given = Tensor::Input(context, 0, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const Tensor made = Tensor::Output(context, 0, {given.size()}, status), sum = Tensor::Output(context, 1, {1}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  Vectors all;
  all.at[logits] = given.values();
  all.at[opened] = made.values();
  *sum.values() = InSum(given.size(), &Formulas::open, options, all);
}

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
  return {"TwotempRelaxationGates", {"cold: float"}, {"logits: float"}, {"opened: float", "sum: float"}, CreateGates, ComputeGates, Delete};
}

}  // namespace twotemp
#endif
