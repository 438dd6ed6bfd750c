// Rows of a data set times a scale, as a batch has them: V8 converts one value at a time.
#include "kernel.h"
#include "scaledRows.h"

namespace twotemp {
namespace {

// As in JavaScript, the product is float64's.
template <class Value>
void Scale(const Value* from, size_t size, double scale, float* to) {
  for (size_t i = 0; i < size; i++) to[i] = static_cast<float>(from[i] * scale);
}

// A typed array of this type: where its values are and how many; nullptr for anything else.
void* ArrayOf(napi_env env, napi_value value, napi_typedarray_type wanted, size_t* length) {
  napi_typedarray_type type;
  void* values;
  bool is_one;
  if (napi_is_typedarray(env, value, &is_one) != napi_ok || !is_one) return nullptr;
  if (napi_get_typedarray_info(env, value, &type, length, &values, nullptr, nullptr) != napi_ok) return nullptr;
  return type == wanted ? values : nullptr;
}

}  // namespace

napi_value ScaledRows(napi_env env, napi_callback_info info) {
  size_t argc = 4, read, count, written;
  napi_value args[4];
  double scale;
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  const void* const bytes = ArrayOf(env, args[0], napi_uint8_array, &read);
  const void* const floats = bytes ? nullptr : ArrayOf(env, args[0], napi_float32_array, &read);
  const auto* const rows = static_cast<int32_t*>(ArrayOf(env, args[1], napi_int32_array, &count));
  auto* const out = static_cast<float*>(ArrayOf(env, args[3], napi_float32_array, &written));
  bool fits = (bytes || floats) && rows && out && napi_get_value_double(env, args[2], &scale) == napi_ok && count > 0;
  const size_t size = fits ? written / count : 0;
  const auto exists = [&](int32_t row) { return row >= 0 && row < static_cast<int64_t>(read / size); };
  fits = size > 0 && size * count == written && std::all_of(rows, rows + count, exists);
  if (!fits) {
    napi_throw_error(env, nullptr, "scaledRows takes values, rows of them, a scale and an array for the scaled rows");
    return nullptr;
  }
  for (size_t i = 0; i < count; i++) {
    float* const to = out + i * size;
    if (bytes) {
      Scale(static_cast<const uint8_t*>(bytes) + rows[i] * size, size, scale, to);
    } else {
      Scale(static_cast<const float*>(floats) + rows[i] * size, size, scale, to);
    }
  }
  return nullptr;
}

}  // namespace twotemp
