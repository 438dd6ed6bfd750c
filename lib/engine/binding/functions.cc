// Adds to TensorFlow.js's binding what its sources lack: functions, so that a graph of many ops runs as one, and the project's own code.
#include <node_api.h>
#include <signal.h>
#ifdef __linux__
#include <malloc.h>
#endif
#undef NAPI_MODULE
#define NAPI_MODULE(name, init)
#include "tfjs_binding.cc"
#undef NAPI_MODULE
#include "kernels.h"
#include "scaledRows.h"

namespace tfnodejs {
namespace {

// The binding keeps its TensorFlow context to itself. Explicit instantiation may name private members.
TFE_Context* ContextOf(const TFJSBackend& backend);
template <TFE_Context* TFJSBackend::*Member>
struct Access {
  friend TFE_Context* ContextOf(const TFJSBackend& backend) { return backend.*Member; }
};
template struct Access<&TFJSBackend::tfe_context_>;

// What a JavaScript array of strings holds; false if it is anything else.
bool Strings(napi_env env, napi_value array, std::vector<std::string>* out) {
  uint32_t length;
  if (napi_get_array_length(env, array, &length) != napi_ok) return false;
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    std::string text;
    if (napi_get_element(env, array, i, &element) != napi_ok || GetStringParam(env, element, text) != napi_ok) return false;
    out->push_back(text);
  }
  return true;
}

// addFunction(name, graphDef, inputs, outputs): outputs as "node:index".
napi_value AddFunction(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value args[4];
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  TFJSBackend* const backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  std::string name;
  void* data;
  size_t size;
  std::vector<std::string> inputs, outputs;
  if (argc != 4 || GetStringParam(env, args[0], name) != napi_ok || napi_get_buffer_info(env, args[1], &data, &size) != napi_ok ||
      !Strings(env, args[2], &inputs) || !Strings(env, args[3], &outputs)) {
    NAPI_THROW_ERROR(env, "addFunction takes a name, a graph and the names of inputs and outputs");
    return nullptr;
  }
  TF_AutoStatus status;
  std::unique_ptr<TF_Graph, decltype(&TF_DeleteGraph)> graph(TF_NewGraph(), TF_DeleteGraph);
  std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)> buffer(TF_NewBufferFromString(data, size), TF_DeleteBuffer);
  std::unique_ptr<TF_ImportGraphDefOptions, decltype(&TF_DeleteImportGraphDefOptions)> options(
      TF_NewImportGraphDefOptions(), TF_DeleteImportGraphDefOptions);
  TF_GraphImportGraphDef(graph.get(), buffer.get(), options.get(), status.status);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  auto find = [&](const std::string& spec) {
    const size_t colon = spec.rfind(':');
    return TF_Output{TF_GraphOperationByName(graph.get(), spec.substr(0, colon).c_str()), std::stoi(spec.substr(colon + 1))};
  };
  std::vector<TF_Output> ins, outs;
  for (const auto& spec : inputs) ins.push_back(find(spec));
  for (const auto& spec : outputs) outs.push_back(find(spec));
  std::unique_ptr<TF_Function, decltype(&TF_DeleteFunction)> function(
      TF_GraphToFunction(graph.get(), name.c_str(), 0, -1, nullptr, ins.size(), ins.data(), outs.size(), outs.data(), nullptr, nullptr,
                         nullptr, status.status),
      TF_DeleteFunction);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  TFE_ContextAddFunction(ContextOf(*backend), function.get(), status.status);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  return nullptr;
}

// allocatedBytes(): what native code has allocated and not freed; undefined where the C library doesn't tell.
napi_value AllocatedBytes(napi_env env, napi_callback_info) {
  napi_value bytes;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_undefined(env, &bytes), nullptr);
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 33)
  const struct mallinfo2 info = mallinfo2();
  ENSURE_NAPI_OK_RETVAL(env, napi_create_double(env, info.uordblks + info.hblkhd, &bytes), nullptr);
#endif
#endif
  return bytes;
}

// oneDNN's code keeps values below the stack pointer, where the handler of a signal writes: a few dozen signals corrupt memory.
// So the threads that compute, this one and those that it starts from now on, leave signals to others: V8's take them.
void LeaveSignalsToOthers() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR2, SIGCHLD, SIGWINCH}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

napi_value Init(napi_env env, napi_value exports) {
  LeaveSignalsToOthers();
  InitTFNodeJSBinding(env, exports);
  const napi_property_descriptor functions[] = {
      {"addFunction", nullptr, AddFunction, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"allocatedBytes", nullptr, AllocatedBytes, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"scaledRows", nullptr, twotemp::ScaledRows, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  ENSURE_NAPI_OK_RETVAL(env, napi_define_properties(env, exports, std::size(functions), functions), exports);
  TF_AutoStatus status;
  const bool registered = twotemp::RegisterKernels(status.status);
  ENSURE_TF_OK_RETVAL(env, status, exports);
  const std::pair<const char*, bool> facts[] = {{"hasOwnKernels", registered}, {"hasAvx512", twotemp::HasAvx512()}};
  for (const auto& [name, holds] : facts) {
    napi_value value;
    ENSURE_NAPI_OK_RETVAL(env, napi_get_boolean(env, holds, &value), exports);
    ENSURE_NAPI_OK_RETVAL(env, napi_set_named_property(env, exports, name, value), exports);
  }
  return exports;
}

}  // namespace
}  // namespace tfnodejs

NAPI_MODULE_INIT() { return tfnodejs::Init(env, exports); }
