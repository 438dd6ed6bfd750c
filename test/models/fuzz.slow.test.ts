import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import { kerasModel } from "../../lib/models/keras.js";
import { readKerasFile } from "../../lib/models/kerasFile.js";
import { type Hdf5Group, readTree } from "../../lib/models/kerasFileReader.js";
import { cnn, loadKeras, mlp, saveKeras } from "../../lib/models/index.js";
import { fuzz, mutate } from "../fuzz.js";

/** A group or numbers of an HDF5 file, as JSON. */
interface Node {
  readonly attrs?: Record<string, { value: unknown }>;
  readonly children?: Record<string, Node>;
}

/** The same as the HDF5 library gives it; what isn't a group stays as it is. */
function grown(node: Node | undefined): unknown {
  const children = node?.children;
  if (typeof children !== "object" || children === null) return node ?? null;
  const get = (name: string): unknown => (Object.hasOwn(children, name) ? grown(children[name]) : null);
  return { attrs: node?.attrs ?? {}, keys: () => Object.keys(children), get } satisfies Hdf5Group;
}

/** A small model with the same weights in every run. */
function small(): tf.LayersModel {
  const model = mlp({ inputShape: [6], hidden: [4], classes: 3 });
  const drawn = model
    .getWeights()
    .map(({ size, shape }, w) => tf.tensor(new Random(w, "fuzz weights").normals(size), shape));
  model.setWeights(drawn);
  tf.dispose(drawn);
  return model;
}

describe("mutated model files", { timeout: 1_800_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-test-"));
  before(() => ready());
  after(() => rmSync(folder, { recursive: true }));

  test("descriptions of models: taken, or refused in one line", async () => {
    const path = join(folder, "cnn.h5");
    await saveKeras(cnn({ inputShape: [8, 8, 1], filters: [2, 3], dense: 4, classes: 3 }), path);
    const file = await readKerasFile(path);
    await fuzz("descriptions", Buffer.from(file.config), async (input) => {
      const model = await kerasModel({ ...file, config: input.toString() }, "fuzzed");
      model.dispose();
    });
  });

  test("trees of groups as HDF5 files hold them: taken, or refused in one line", async () => {
    const path = join(folder, "tree.h5");
    await saveKeras(small(), path);
    const { config, weights } = await readKerasFile(path);
    const groups = [...weights].map(([layer, list]) => {
      const names = list.map((_, i) => `${layer}/${i}`);
      const data = list.map(({ shape, values }, i) => [names[i], { shape, value: Array.from(values) }]);
      return [layer, { attrs: { weight_names: { value: names } }, children: Object.fromEntries(data) as object }];
    });
    const tree: Node = {
      attrs: { model_config: { value: config }, keras_version: { value: "2.15.0" } },
      children: { model_weights: { attrs: {}, children: Object.fromEntries(groups) as Record<string, Node> } },
    };
    await fuzz("trees", Buffer.from(JSON.stringify(tree)), async (input) => {
      let file;
      try {
        // The file itself is always a group.
        const { attrs, children } = Object(JSON.parse(input.toString())) as Node;
        file = readTree(grown({ attrs, children: Object(children) as Node["children"] }) as Hdf5Group, 4096);
      } catch (error) {
        // What JavaScript says by itself doesn't say what is wrong with the file.
        if (error instanceof TypeError || error instanceof RangeError) throw error;
        throw new TwotempError("models/keras", (error as Error).message.split("\n")[0]);
      }
      (await kerasModel(file, "fuzzed")).dispose();
    });
  });

  // A thread for each, and a second for those that the HDF5 library never returns from: fewer of them.
  test("HDF5 files: taken, or refused in one line, also where the library never returns", async (context) => {
    const [path, fuzzed] = [join(folder, "mlp.h5"), join(folder, "fuzzed.h5")];
    await saveKeras(small(), path);
    const bytes = readFileSync(path);
    const outcomes = { taken: 0, refused: 0, endless: 0 };
    for (let i = 0; i < 400; i++) {
      writeFileSync(fuzzed, mutate(bytes, new Random(i, "fuzz", "keras")));
      try {
        (await loadKeras(fuzzed)).dispose();
        outcomes.taken++;
      } catch (error) {
        assert.ok(
          error instanceof TwotempError && !error.message.includes("\n"),
          `run ${i}: ${(error as Error).stack}`,
        );
        if (/didn't come to an end/.test(error.message)) outcomes.endless++;
        else outcomes.refused++;
      }
    }
    context.diagnostic(JSON.stringify(outcomes));
    assert.ok(outcomes.refused > 0 && outcomes.taken > 0);
  });
});
