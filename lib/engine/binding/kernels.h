#pragma once
#include "tensorflow/c/tf_status.h"

namespace twotemp {

// Makes the project's ops known to TensorFlow, and says whether it did: they are for processors with AVX2 and FMA, but without AVX-512,
// for which oneDNN has better ones, and need GCC.
bool RegisterKernels(TF_Status* status);

}  // namespace twotemp
