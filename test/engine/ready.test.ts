import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { needs } from "../support.js";
import { nativeIsBuilt, script } from "./support.js";

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
    const body = `
      const attempts = [{ engine: "cuda" }, { threads: 0 }, { engine: "cpu" }, { engine: "wasm" }];
      const codes = [];
      await tt.ready().catch(({ code }) => codes.push(code));
      for (const options of attempts) codes.push(await tt.ready(options).then(({ engine }) => engine, ({ code }) => code));
      console.log(codes.join());`;
    const { out } = script(body, { TWOTEMP_ENGINE: "fast" });
    assert.equal(out, "engine/unknown,engine/unknown,engine/threads,cpu,engine/chosen");
  });

  test("answers later calls with the first choice", () => {
    const body = `
      const [a, b] = await Promise.all([tt.ready({ engine: "cpu" }), tt.ready()]);
      console.log(a === b, tt.engine() === a);`;
    assert.equal(script(body).out, "true true");
  });
});
