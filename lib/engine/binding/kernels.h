#pragma once
#include "tensorflow/c/tf_status.h"

namespace twotemp {

// Makes the project's ops known to TensorFlow, and says whether it did: they are for processors with AVX2 and FMA, and need GCC.
bool RegisterKernels(TF_Status* status);

// Whether this processor has AVX-512, for which oneDNN's convolutions are the better ones.
bool HasAvx512();

}  // namespace twotemp
