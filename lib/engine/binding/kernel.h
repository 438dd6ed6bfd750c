#pragma once
// What the project's kernels share.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

// From here on code is for such processors, whatever the rest is compiled for; RegisterKernels() asks whether this is one.
#if defined(__x86_64__) && !defined(__clang__)
#pragma GCC target("avx2,fma")
#endif

namespace twotemp {

// Eight values, wherever they start.
using Lanes = float __attribute__((vector_size(32), aligned(4)));
constexpr int64_t lanes = 8;

inline Lanes Load(const float* from) { return *reinterpret_cast<const Lanes*>(from); }
inline void Store(float* to, const Lanes& values) { *reinterpret_cast<Lanes*>(to) = values; }

struct Status {
  TF_Status* status = TF_NewStatus();
  ~Status() { TF_DeleteStatus(status); }
  operator TF_Status*() const { return status; }
  bool ok() const { return TF_GetCode(status) == TF_OK; }
};

// A tensor of float32 values (or, among the inputs, of integers) that is held as long as this lives.
class Tensor {
 public:
  static Tensor Input(TF_OpKernelContext* context, int index, const Status& status) {
    TF_Tensor* tensor = nullptr;
    if (status.ok()) TF_GetInput(context, index, &tensor, status);
    return Tensor(tensor);
  }
  static Tensor Output(TF_OpKernelContext* context, int index, const std::vector<int64_t>& shape, const Status& status) {
    size_t bytes = sizeof(float);
    for (const int64_t extent : shape) bytes *= extent;
    if (!status.ok()) return Tensor(nullptr);
    return Tensor(TF_AllocateOutput(context, index, TF_FLOAT, shape.data(), shape.size(), bytes, status));
  }
  // An output like an input, in the input's memory if nothing else reads that; to be asked for before the input is.
  static Tensor InPlaceOf(TF_OpKernelContext* context, int input, int output, const Status& status) {
    if (!status.ok()) return Tensor(nullptr);
    const std::vector<int64_t> shape = Input(context, input, status).shape();
    int taken;
    return Tensor(TF_ForwardInputOrAllocateOutput(context, &input, 1, output, shape.data(), shape.size(), &taken, status));
  }
  float* values() const { return static_cast<float*>(TF_TensorData(tensor_.get())); }
  const int32_t* integers() const { return static_cast<const int32_t*>(TF_TensorData(tensor_.get())); }
  int64_t size() const { return TF_TensorElementCount(tensor_.get()); }
  std::vector<int64_t> shape() const {
    std::vector<int64_t> extents(TF_NumDims(tensor_.get()));
    for (size_t axis = 0; axis < extents.size(); axis++) extents[axis] = TF_Dim(tensor_.get(), axis);
    return extents;
  }

 private:
  explicit Tensor(TF_Tensor* tensor) : tensor_(tensor, TF_DeleteTensor) {}
  std::unique_ptr<TF_Tensor, decltype(&TF_DeleteTensor)> tensor_;
};

// Runs work(first, last, part) for each of as many parts of `count` as the engine has threads; returns how many these are. For one
// number of threads the parts are always the same.
inline int64_t Parts(int64_t count) {
  const char* const wanted = std::getenv("TF_NUM_INTRAOP_THREADS");
  return std::clamp<int64_t>(wanted ? std::atoi(wanted) : 1, 1, std::max<int64_t>(count, 1));
}
template <class Work>
void InParts(int64_t count, int64_t parts, const Work& work) {
  const auto run = [&](int64_t part) { work(count * part / parts, count * (part + 1) / parts, part); };
  std::vector<std::thread> threads;
  for (int64_t part = 1; part < parts; part++) threads.emplace_back(run, part);
  run(0);
  for (std::thread& thread : threads) thread.join();
}

// Makes an op known to TensorFlow, with its kernel.
struct Op {
  const char* name;
  std::vector<const char*> attributes, inputs, outputs;
  void* (*create)(TF_OpKernelConstruction*);
  void (*compute)(void*, TF_OpKernelContext*);
  void (*destroy)(void*);
};
void Register(const Op& op, TF_Status* status);

Op Convolution();
Op ConvolutionInputGradient();
Op ConvolutionFilterGradient();
Op FilterGradient();
Op BatchNorm();
Op BatchNormGradient();
Op RelaxationStep();
Op RelaxationGates();
Op MaskedWeights();
Op GateGradient();
Op SparseProduct();
Op SparseProductGradient();
Op SparseConvolution();
Op SparseConvolutionGradient();

}  // namespace twotemp
