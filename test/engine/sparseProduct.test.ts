import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs";
import { compiled, Random, ready } from "../../lib/engine/index.js";
import { ownKernels } from "../../lib/engine/native.js";
import { sparseProduct } from "../../lib/engine/sparseProduct.js";
import { needs } from "../support.js";
import { nativeIsBuilt } from "./support.js";

/** How many models, examples, inputs and outputs there are, and what part of the entries. */
interface Sizes {
  readonly models: number;
  readonly batch: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly density: number;
}

/** How far products and gradients are from those of the whole matrices, whose other entries are zeros. */
function distances(sizes: Sizes, ofInputs: boolean): number[] {
  const { models, batch, inputs, outputs, density } = sizes;
  const random = new Random(0, "sparse product", ...Object.values(sizes));
  const whole = new Float32Array(models * inputs * outputs);
  const [values, places, starts, positions]: number[][] = [[], [], [0], []];
  for (let model = 0; model < models; model++) {
    for (let output = 0; output < outputs; output++) {
      for (let input = 0; input < inputs; input++) {
        if (random.uniform() >= density) continue;
        const position = (model * inputs + input) * outputs + output;
        whole[position] = random.normal();
        values.push(whole[position]);
        places.push(input);
        positions.push(position);
      }
      starts.push(values.length);
    }
  }
  return tf.tidy(() => {
    const x = tf.tensor3d(random.normals(models * batch * inputs), [models, batch, inputs]);
    const dy = tf.tensor3d(random.normals(models * batch * outputs), [models, batch, outputs]);
    const weights = tf.tensor3d(whole, [models, inputs, outputs]);
    const at = { starts: tf.tensor1d(starts, "int32"), inputs: tf.tensor1d(places, "int32") };
    const [dx, dWhole] = tf.grads((x, w) => tf.matMul(x, w))([x, weights], dy);
    const product = (x: tf.Tensor, values: tf.Tensor): tf.Tensor =>
      sparseProduct(x as tf.Tensor3D, values as tf.Tensor1D, at, ofInputs);
    const run = compiled((x, values, dy) => {
      const gradients = ofInputs
        ? tf.grads(product)([x, values], dy)
        : tf.grads((values: tf.Tensor) => product(x, values))([values], dy);
      return [product(x, values), ...gradients.reverse()];
    });
    const found = run(x, tf.tensor1d(values), dy);
    const dEntries = tf.gather(tf.reshape(dWhole, [-1]), tf.tensor1d(positions, "int32"));
    const wanted = [tf.matMul(x, weights), dEntries, dx];
    assert.equal(found.length, ofInputs ? 3 : 2);
    return found.map((tensor, i) => {
      assert.deepEqual(tensor.shape, wanted[i].shape);
      return tf.max(tf.abs(tf.sub(tensor, wanted[i]))).dataSync()[0];
    });
  });
}

describe("products with few entries", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  before(async () => {
    await ready({ engine: "native" });
  });

  test("and their gradients are those of the whole matrices", (context) => {
    if (!ownKernels()) return context.skip("needs a processor with AVX2 and FMA");
    const sizes = fc.record({
      models: fc.integer({ min: 1, max: 4 }),
      batch: fc.integer({ min: 1, max: 70 }),
      inputs: fc.integer({ min: 1, max: 40 }),
      outputs: fc.integer({ min: 1, max: 20 }),
      density: fc.constantFrom(0.02, 0.3, 1),
    });
    const close = (given: Sizes, ofInputs: boolean): void => {
      for (const distance of distances(given, ofInputs)) assert.ok(distance < 1e-4, JSON.stringify(given));
    };
    fc.assert(fc.property(sizes.filter(hasEntries), fc.boolean(), close), { numRuns: 60 });
    // Enough for several threads.
    close({ models: 3, batch: 50, inputs: 784, outputs: 300, density: 0.05 }, true);
  });
});

/** Without any there is nothing to multiply: such layers stay dense. */
const hasEntries = ({ models, inputs, outputs, density }: Sizes): boolean => models * inputs * outputs * density >= 10;
