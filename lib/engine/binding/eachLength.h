// Takes in the file FORMULAS once for each length of vectors: WIDTH numbers, for such processors, in the namespace VECTORS.
#define VECTORS avx2
#define WIDTH 8
#include FORMULAS
#undef VECTORS
#undef WIDTH

#pragma GCC push_options
#pragma GCC target("avx512f,prefer-vector-width=512")
#define VECTORS avx512
#define WIDTH 16
#include FORMULAS
#undef VECTORS
#undef WIDTH
#pragma GCC pop_options
