import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { needs } from "../support.js";
import { nativeIsBuilt, script } from "./support.js";

describe("ready", () => {
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
