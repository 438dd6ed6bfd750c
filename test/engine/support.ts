import { existsSync } from "node:fs";

/** Whether the set-up has built the native binding. */
export function nativeIsBuilt(): boolean {
  const lib = require.resolve("@tensorflow/tfjs-node-gpu/package.json").replace("package.json", "lib");
  return existsSync(`${lib}/napi-v8/tfjs_binding.node`);
}
