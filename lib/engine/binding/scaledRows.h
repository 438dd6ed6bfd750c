#pragma once
#include <node_api.h>

namespace twotemp {

// scaledRows(values, rows, scale, out): rows of bytes or of float32 values, each of out's length by the number of rows.
napi_value ScaledRows(napi_env env, napi_callback_info info);

}  // namespace twotemp
