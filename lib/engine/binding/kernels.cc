#include "kernels.h"
#include "kernel.h"

namespace twotemp {

void Register(const Op& op, TF_Status* status) {
  TF_OpDefinitionBuilder* const definition = TF_NewOpDefinitionBuilder(op.name);
  for (const char* attribute : op.attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  for (const char* input : op.inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : op.outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, [](TF_ShapeInferenceContext* context, TF_Status* status) {
    TF_ShapeInferenceContextSetUnknownShape(context, status);
  });
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_RegisterKernelBuilder(op.name, TF_NewKernelBuilder(op.name, "CPU", op.create, op.compute, op.destroy), status);
}

bool RegisterKernels(TF_Status* status) {
#if defined(__x86_64__) && !defined(__clang__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return false;
  // Once a process, in whatever thread.
  static const bool registered = [&] {
    for (const Op& op :
         {Convolution(), ConvolutionInputGradient(), ConvolutionFilterGradient(), FilterGradient(), BatchNorm(), BatchNormGradient(),
          RelaxationStep(), RelaxationGates(), MaskedWeights(), GateGradient(), SparseProduct(), SparseProductGradient(), SparseConvolution(),
          SparseConvolutionGradient()}) {
      if (TF_GetCode(status) == TF_OK) Register(op, status);
    }
    return TF_GetCode(status) == TF_OK;
  }();
  return registered;
#else
  return false;
#endif
}

bool HasAvx512() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

}  // namespace twotemp
