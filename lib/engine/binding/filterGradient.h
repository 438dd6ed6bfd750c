#pragma once
#include "tensorflow/c/tf_status.h"

namespace twotemp {

// Makes the op TwotempFilterGradient known to TensorFlow where it is faster than oneDNN's kernel: on processors with AVX2 and FMA, but
// without AVX-512, for which oneDNN has others. Says whether it did.
bool RegisterFilterGradient(TF_Status* status);

}  // namespace twotemp
