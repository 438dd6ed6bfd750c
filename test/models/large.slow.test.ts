import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type * as tf from "@tensorflow/tfjs";
import { ready } from "../../lib/engine/index.js";
import { mobilenet, vgg } from "../../lib/models/index.js";

const parameters = (model: tf.LayersModel): number =>
  model.trainableWeights.reduce((sum, { shape }) => sum + shape.reduce<number>((all, extent) => all * extent!, 1), 0);

describe("large builders have the parameters of the literature", () => {
  before(() => ready());

  const published = (depth: 11 | 13 | 16): tf.LayersModel =>
    vgg({ depth, inputShape: [224, 224, 3], classes: 1000, dense: [4096, 4096], batchNorm: false });
  const cases: [string, () => tf.LayersModel, number][] = [
    ["VGG-11 as published (133 million)", () => published(11), 132_863_336],
    ["VGG-13 as published (133 million)", () => published(13), 133_047_848],
    ["VGG-16 as published (138 million)", () => published(16), 138_357_544],
    ["VGG-16 on 32x32 images (14.7 million)", () => vgg({ depth: 16, classes: 10 }), 14_728_266],
    ["MobileNet (4.2 million)", () => mobilenet({ inputShape: [224, 224, 3], classes: 1000 }), 4_231_976],
  ];
  for (const [name, build, expected] of cases) {
    test(name, () => {
      const model = build();
      assert.equal(parameters(model), expected);
      model.dispose();
    });
  }
});
