import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { nativeBackend } from "../../lib/engine/native.js";

/** Whether the set-up has built the native binding. */
export function nativeIsBuilt(): boolean {
  const lib = require.resolve("@tensorflow/tfjs-node-gpu/package.json").replace("package.json", "lib");
  return existsSync(`${lib}/napi-v8/tfjs_binding.node`);
}

const root = join(__dirname, "..", "..", "..");

/** Runs a script with the library at hand as `tt` and TensorFlow.js as `tf`, in a process of its own. */
export function script(body: string, env: NodeJS.ProcessEnv = {}): { out: string; err: string; code: number | null } {
  const head = `const tt = require("./dist/lib/engine/index.js"); const tf = require("@tensorflow/tfjs");`;
  const program = `${head} (async () => { ${body} })().catch((error) => { console.log(error.code, error.message); process.exit(1); });`;
  const environment: NodeJS.ProcessEnv = { ...process.env, ...env };
  if (!("TWOTEMP_ENGINE" in env)) delete environment.TWOTEMP_ENGINE;
  delete environment.TF_CPP_MIN_LOG_LEVEL;
  const done = spawnSync(process.execPath, ["-e", program], { cwd: root, env: environment, encoding: "utf8" });
  return { out: done.stdout.trim(), err: done.stderr.trim(), code: done.status };
}

/** Makes the native engine do without the project's own kernels, or use them again. */
export function useOwnKernels(value: boolean): void {
  const { binding } = nativeBackend()!;
  Object.defineProperty(binding, "hasOwnKernels", { value, configurable: true, writable: true });
}
