// Products with the entries of matrices that are left (lib/engine/sparseProduct.ts), for many small matrices at once, and their gradients.
#if defined(__x86_64__) && !defined(__clang__)
#include "columns.h"

namespace twotemp {
namespace {

// As many examples are computed side by side.
constexpr int64_t together = 4 * lanes;

// What both ops read: x [models, examples, inputs]; for each output of each model where its entries start, [models * outputs + 1],
// in the values and in the inputs that they belong to, both [entries].
struct Task {
  Tensor x, values, starts, places;
  int64_t models, examples, inputs, outputs;
  Task(TF_OpKernelContext* context, const Status& status)
      : x(Tensor::Input(context, 0, status)),
        values(Tensor::Input(context, 1, status)),
        starts(Tensor::Input(context, 2, status)),
        places(Tensor::Input(context, 3, status)) {
    if (!status.ok()) return;
    const std::vector<int64_t> shape = x.shape();
    models = shape[0], examples = shape[1], inputs = shape[2];
    outputs = (starts.size() - 1) / models;
  }
  // Work(model, first example, number of examples), a model's examples one after the other.
  template <class Work>
  void EachPart(const Work& work) const {
    const int64_t operations = models * examples * (inputs + values.size() / models);
    InParts(models, operations < 1 << 16 ? 1 : Parts(models), [&](int64_t begin, int64_t end, int64_t) {
      for (int64_t model = begin; model < end; model++) {
        for (int64_t first = 0; first < examples; first += together) work(model, first, std::min(together, examples - first));
      }
    });
  }
};

void Compute(void*, TF_OpKernelContext* context) {
  const Status status;
  const Task task(context, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const int64_t examples = task.examples, inputs = task.inputs, outputs = task.outputs;
  const Tensor y = Tensor::Output(context, 0, {task.models, examples, outputs}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  // Read here, not at every entry: each is a call into TensorFlow.
  const float* const values = task.values.values();
  const int32_t* const places = task.places.integers();
  task.EachPart([&](int64_t model, int64_t first, int64_t count) {
    std::vector<float> from(inputs * together), to(outputs * together);
    Gather(task.x.values() + (model * examples + first) * inputs, count, inputs, inputs, together, from.data(), together);
    const int32_t* const start = task.starts.integers() + model * outputs;
    for (int64_t output = 0; output < outputs; output++) {
      Lanes sums[4] = {};
      for (int64_t entry = start[output]; entry < start[output + 1]; entry++) {
        const float value = values[entry];
        const float* const column = from.data() + places[entry] * together;
        for (int64_t j = 0; j < 4; j++) sums[j] += value * Load(column + j * lanes);
      }
      for (int64_t j = 0; j < 4; j++) Store(to.data() + output * together + j * lanes, sums[j]);
    }
    Scatter(to.data(), together, count, outputs, outputs, y.values() + (model * examples + first) * outputs);
  });
}

void ComputeGradient(void* kernel, TF_OpKernelContext* context) {
  const bool ofInputs = *static_cast<bool*>(kernel);
  const Status status;
  const Task task(context, status);
  const Tensor dy = Tensor::Input(context, 4, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const int64_t examples = task.examples, inputs = task.inputs, outputs = task.outputs;
  const Tensor dx = Tensor::Output(context, 0, {ofInputs ? task.models : 0, examples, inputs}, status);
  const Tensor dvalues = Tensor::Output(context, 1, {task.values.size()}, status);
  if (!status.ok()) return TF_OpKernelContext_Failure(context, status);
  const float* const values = task.values.values();
  const int32_t* const places = task.places.integers();
  float* const gradient = dvalues.values();
  task.EachPart([&](int64_t model, int64_t first, int64_t count) {
    std::vector<float> from(inputs * together), pulls(outputs * together), back(ofInputs ? inputs * together : 0);
    Gather(task.x.values() + (model * examples + first) * inputs, count, inputs, inputs, together, from.data(), together);
    Gather(dy.values() + (model * examples + first) * outputs, count, outputs, outputs, together, pulls.data(), together);
    const int32_t* const start = task.starts.integers() + model * outputs;
    for (int64_t output = 0; output < outputs; output++) {
      Lanes pull[4];
      for (int64_t j = 0; j < 4; j++) pull[j] = Load(pulls.data() + output * together + j * lanes);
      for (int64_t entry = start[output]; entry < start[output + 1]; entry++) {
        const int64_t place = places[entry] * together;
        Lanes products = {};
        for (int64_t j = 0; j < 4; j++) products += pull[j] * Load(from.data() + place + j * lanes);
        float sum = 0;
        for (int64_t j = 0; j < lanes; j++) sum += products[j];
        gradient[entry] = first == 0 ? sum : gradient[entry] + sum;
        if (!ofInputs) continue;
        const float value = values[entry];
        for (int64_t j = 0; j < 4; j++) {
          float* const to = back.data() + place + j * lanes;
          Store(to, Load(to) + value * pull[j]);
        }
      }
    }
    if (ofInputs) Scatter(back.data(), together, count, inputs, inputs, dx.values() + (model * examples + first) * inputs);
  });
}

void* CreateGradient(TF_OpKernelConstruction* construction) {
  const Status status;
  unsigned char ofInputs = 0;
  TF_OpKernelConstruction_GetAttrBool(construction, "of_inputs", &ofInputs, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return new bool(ofInputs);
}

}  // namespace

Op SparseProduct() {
  return {"TwotempSparseProduct", {}, {"x: float", "values: float", "starts: int32", "places: int32"}, {"y: float"}, nullptr, Compute, nullptr};
}

Op SparseProductGradient() {
  return {"TwotempSparseProductGradient",
          {"of_inputs: bool"},
          {"x: float", "values: float", "starts: int32", "places: int32", "dy: float"},
          {"dx: float", "dvalues: float"},
          CreateGradient,
          ComputeGradient,
          [](void* kernel) { delete static_cast<bool*>(kernel); }};
}

}  // namespace twotemp
#endif
