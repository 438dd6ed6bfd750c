import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { mlp, Random, searchSpace, TwotempError } from "../../lib/index.js";
import { projectRoot } from "../../lib/project.js";

const address = fc.array(fc.oneof(fc.integer(), fc.string()), { minLength: 1, maxLength: 5 });

test("an address gives the same draws whatever was drawn before", () => {
  fc.assert(
    fc.property(address, address, (one, other) => {
      const first = new Random(...one).normals(5);
      new Random(...other).normals(3);
      assert.deepEqual(new Random(...one).normals(5), first);
    }),
  );
});

test("different addresses give different draws, seed 0 among them", () => {
  fc.assert(
    fc.property(address, address, (one, other) => {
      fc.pre(JSON.stringify(one) !== JSON.stringify(other));
      assert.notDeepEqual(new Random(...one).uniforms(4), new Random(...other).uniforms(4));
    }),
  );
  assert.notDeepEqual(new Random(0, "weights").normals(3), new Random("weights").normals(3));
  assert.notEqual(new Random(0).uniform(), new Random(1).uniform());
});

test("draws have the distributions that they claim", () => {
  const count = 200_000;
  const normals = new Random(0, "moments").normals(count, 2);
  const mean = normals.reduce((sum, x) => sum + x, 0) / count;
  const variance = normals.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count;
  const fourth = normals.reduce((sum, x) => sum + (x - mean) ** 4, 0) / count / variance ** 2;
  // Five standard errors each.
  assert.ok(Math.abs(mean) < (5 * 2) / Math.sqrt(count));
  assert.ok(Math.abs(variance - 4) < 5 * 4 * Math.sqrt(2 / count));
  assert.ok(Math.abs(fourth - 3) < 5 * Math.sqrt(24 / count));
  const faces = new Array<number>(7).fill(0);
  const die = new Random(0, "die");
  for (let i = 0; i < 70_000; i++) faces[die.integer(7)] += 1;
  const chi = faces.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0);
  assert.ok(chi < 22.5, `chi-square with 6 degrees of freedom is ${chi}, above its 99.9 % quantile`);
});

test("a permutation holds every number once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer(), (size, seed) => {
      const drawn = new Random(seed, "permutation").permutation(size);
      assert.deepEqual(
        [...drawn].sort((a, b) => a - b),
        Array.from({ length: size }, (_, i) => i),
      );
    }),
  );
  assert.throws(() => new Random(0).permutation(3, 4), TwotempError);
  assert.throws(() => new Random(0, NaN), { code: "engine/seed" });
  assert.throws(() => new Random(0).integer(0), { code: "engine/bound" });
});

test("two layers of one shape never get the same kernel", () => {
  const space = searchSpace(mlp({ inputShape: [8], hidden: [8, 8], classes: 8 }), { gates: "input" });
  const kernels = space
    .drawWeights([0, "weights"])
    .filter((_, w) => space.plan.weights[w].shape.length === 2)
    .map((kernel) => kernel.join());
  assert.equal(kernels.length, 3);
  assert.equal(new Set(kernels).size, 3);
});

test("no call of the library draws by Math.random or by TensorFlow.js", () => {
  const forbidden =
    /(?<!\.)\bMath\.random\(|\btf\.(random\w+|truncatedNormal|multinomial|dropout|rand)\(|\.fit(Dataset)?\(/;
  const files = readdirSync(join(projectRoot, "lib"), { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  assert.ok(files.length > 50);
  const code = (text: string): string => text.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "");
  const guilty = files.filter((file) => forbidden.test(code(readFileSync(join(projectRoot, "lib", file), "utf8"))));
  assert.deepEqual(guilty, []);
  assert.match("x = Math.random();", forbidden);
  assert.match("tf.randomNormal([2])", forbidden);
});
