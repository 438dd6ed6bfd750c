#pragma once
#include "tensorflow/c/tf_status.h"

namespace twotemp {

// Makes the project's ops known to TensorFlow, and says whether it did: they are for processors with AVX2 and FMA, and need GCC.
bool RegisterKernels(TF_Status* status);

// Whether this processor has AVX-512: vectors of 16 values, and direct filter gradients of oneDNN's that are the better ones.
bool HasAvx512();

}  // namespace twotemp
