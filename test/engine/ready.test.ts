import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { needs } from "../support.js";
import { nativeIsBuilt } from "./support.js";

const root = join(__dirname, "..", "..", "..");

/** Runs a script with the library at hand as `tt` and TensorFlow.js as `tf`, in a process of its own. */
function script(body: string, env: NodeJS.ProcessEnv = {}): { out: string; err: string; code: number | null } {
  const head = `const tt = require("./dist/lib/engine/index.js"); const tf = require("@tensorflow/tfjs");`;
  const program = `${head} (async () => { ${body} })().catch((error) => { console.log(error.code, error.message); process.exit(1); });`;
  const environment: NodeJS.ProcessEnv = { ...process.env, ...env };
  if (!("TWOTEMP_ENGINE" in env)) delete environment.TWOTEMP_ENGINE;
  delete environment.TF_CPP_MIN_LOG_LEVEL;
  const done = spawnSync(process.execPath, ["-e", program], { cwd: root, env: environment, encoding: "utf8" });
  return { out: done.stdout.trim(), err: done.stderr.trim(), code: done.status };
}

const compute = "tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).sum().dataSync()[0]";

describe("ready", () => {
  for (const [name, engine] of [
    ["wasm", "wasm"],
    ["cpu", "cpu"],
  ]) {
    test(`takes ${name} from the environment, computes and prints nothing of its own`, () => {
      const body = `const { engine, threads } = await tt.ready(); console.log(engine, threads, tf.getBackend(), ${compute});`;
      const { out, err } = script(body, { TWOTEMP_ENGINE: name });
      assert.equal(out, `${engine} 1 ${engine} 12`);
      assert.equal(err, "");
    });
  }

  test(
    "takes the native engine first, with a fixed number of threads, in silence",
    needs("the native engine", nativeIsBuilt(), "npm start"),
    () => {
      const body = `
      const before = tf.ones([3]);
      const { engine, threads, notes, version } = await tt.ready({ engine: "native", threads: 2 });
      console.log(engine, threads, notes.length, version.split(".").length, ${compute}, before.sum().dataSync()[0]);`;
      const { out, err } = script(body);
      assert.equal(out, "tensorflow 2 0 3 12 3");
      assert.equal(err, "");
    },
  );

  test(
    "gives the same bits again with the same number of threads",
    needs("the native engine", nativeIsBuilt(), "npm start"),
    () => {
      const body = `
      await tt.ready({ engine: "native", threads: 2 });
      const draw = (shape, ...key) => tf.tensor(new tt.Random(0, ...key).normals(shape.reduce((a, b) => a * b)), shape);
      const adam = new tt.Adam([draw([3, 3, 8, 16], "kernel"), draw([1024, 10], "dense")]);
      const x = draw([32, 16, 16, 8], "x");
      const labels = tf.oneHot(Array.from({ length: 32 }, (_, i) => i % 10), 10).toFloat();
      for (let step = 0; step < 10; step++) {
        const gradients = tf.tidy(() => tf.grads((k, w) =>
          tt.softmaxCrossEntropy(labels, tf.matMul(tf.maxPool(tf.relu(tf.conv2d(x, k, 1, "same")), 2, 2, "valid").reshape([32, -1]), w)),
        )([...adam.values]));
        adam.step(gradients);
      }
      const hash = require("node:crypto").createHash("sha256");
      adam.values.forEach((value) => hash.update(value.dataSync()));
      console.log(hash.digest("hex"));`;
      const [first, second] = [script(body), script(body)];
      assert.match(first.out, /^[0-9a-f]{64}$/);
      assert.equal(first.out, second.out);
    },
  );

  test("says why the better engine couldn't be had, in one line each", () => {
    // A folder without the binding stands for a machine without a compiler.
    const body = `
      const Module = require("node:module");
      const resolve = Module._resolveFilename;
      Module._resolveFilename = (name, ...rest) =>
        name.startsWith("@tensorflow/tfjs-node-gpu") ? "/nowhere/package.json" : resolve(name, ...rest);
      const { engine, notes } = await tt.ready();
      console.log(JSON.stringify([engine, notes]));`;
    const [engine, notes] = JSON.parse(script(body).out) as [string, string[]];
    assert.equal(engine, "wasm");
    assert.equal(notes.length, 1);
    assert.match(notes[0], /^no native TensorFlow: .*npm start/);
  });

  test("refuses unknown engines, impossible threads and a change of mind", () => {
    const failing = (body: string, env?: NodeJS.ProcessEnv): string => script(body, env).out.split(" ")[0];
    assert.equal(failing(`await tt.ready({ engine: "cuda" });`), "engine/unknown");
    assert.equal(failing(`await tt.ready();`, { TWOTEMP_ENGINE: "fast" }), "engine/unknown");
    assert.equal(failing(`await tt.ready({ threads: 0 });`), "engine/threads");
    assert.equal(failing(`await tt.ready({ engine: "cpu" }); await tt.ready({ engine: "wasm" });`), "engine/chosen");
  });

  test("answers later calls with the first choice", () => {
    const body = `
      const [a, b] = await Promise.all([tt.ready({ engine: "cpu" }), tt.ready()]);
      console.log(a === b, tt.engine() === a);`;
    assert.equal(script(body).out, "true true");
  });

  test("lends danfojs the same TensorFlow.js", () => {
    const body = `
      await tt.ready({ engine: "cpu" });
      const danfo = require("danfojs-node");
      console.log(danfo.tensorflow.version_core === tf.version_core, danfo.tensorflow.getBackend(), danfo.tensorflow.engine() === tf.engine());`;
    const { out, err } = script(body);
    assert.equal(out, "true cpu true");
    assert.equal(err, "");
  });
});
