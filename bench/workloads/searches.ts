import * as tf from "@tensorflow/tfjs";
import * as tt from "../../lib/index.js";
import { Batches } from "../../lib/search/batches.js";
import type { Runner, Workload } from "./workload.js";

/**
 * The gated network forward; one step of training its weights with the gates fixed; one step of a search; a search from
 * its start to its certificate. What a step takes more than a masked one is the price of the relaxation.
 */
type Phase = "forward" | "masked" | "step" | "search";

/** Random examples of ten classes. The same sizes as the twin's; values don't matter for time. */
export function examples(inputShape: readonly number[], count: number): tt.Dataset {
  const random = new tt.Random(0, "bench data");
  const size = inputShape.reduce((product, extent) => product * extent, 1);
  const split = {
    inputs: random.uniforms(count * size),
    labels: Int32Array.from({ length: count }, (_, row) => row % 10),
    count,
  };
  return new tt.Dataset({
    name: "random",
    inputShape,
    classNames: [..."0123456789"],
    train: split,
    test: split,
    provenance: { source: "random numbers", licence: "none", citation: "none", files: [], steps: [] },
  });
}

/** Convolutions with bias, batch normalisation and relu; 2x2 max pooling after every second one; one dense layer. */
export function convolutional(filters: readonly number[], inputShape: number[] = [32, 32, 3]): tf.LayersModel {
  const input = tf.input({ shape: inputShape });
  let value = input;
  const then = (layer: tf.layers.Layer): void => void (value = layer.apply(value) as tf.SymbolicTensor);
  filters.forEach((count, i) => {
    then(tf.layers.conv2d({ filters: count, kernelSize: 3, padding: "same", kernelInitializer: "heNormal" }));
    then(tf.layers.batchNormalization());
    then(tf.layers.reLU());
    if (i % 2 === 1) then(tf.layers.maxPooling2d({ poolSize: 2 }));
  });
  then(tf.layers.flatten());
  then(tf.layers.dense({ units: 10, activation: "softmax" }));
  return tf.model({ inputs: input, outputs: value });
}

interface SearchWorkload {
  readonly title: string;
  readonly short: string;
  readonly model: () => tf.LayersModel;
  readonly gates: tt.GateSelector;
  readonly batch: number;
  /** Default a tenth of the gates. */
  readonly density?: number;
  /** Steps of a whole search, of a fifth of which it keeps a record: as one of 1,000 steps does. */
  readonly steps: number;
}

/** A search whose weights are trained beside the gates, with the default update and its certificate. */
function openSearch({ model, gates, batch, density = 0.1, steps }: SearchWorkload, phase: Phase): Runner {
  const network = model();
  const inputShape = network.inputs[0].shape.slice(1) as number[];
  const dataset = examples(inputShape, 2048);
  const space = tt.searchSpace(network, { gates });
  if (phase === "search") {
    return {
      run: async (iterations) => {
        for (let i = 0; i < iterations; i++) {
          const search = begin(space, dataset, { batch, density, steps, recordEvery: 5 });
          await search.run();
          search.certificate();
          search.dispose();
        }
      },
      dispose: () => undefined,
    };
  }
  if (phase === "step") return searchSteps(space, dataset, batch, density);
  const weights = space.initialise(1, "bench");
  const open = tf.fill([space.gateCount], 0.6) as tf.Tensor1D;
  const inputs = tf.tensor(dataset.batch("train", new tt.Random(0, "rows").permutation(2048, batch)), [
    batch,
    ...inputShape,
  ]);
  if (phase === "masked") return maskedTraining(space, dataset, batch);
  const forward = tt.compiled((gates, inputs, ...weights) =>
    tt.forward(space.plan, weights, gates as tf.Tensor1D, [inputs], { training: true }),
  );
  return {
    run: (iterations) => {
      for (let i = 0; i < iterations; i++) {
        const outputs = forward(open, inputs, ...weights);
        outputs[0].dataSync();
        tf.dispose(outputs);
      }
    },
    dispose: () => tf.dispose([...weights, open, inputs]),
  };
}

const begin = (space: tt.SearchSpace, dataset: tt.Dataset, more: tt.SearchOptions): tt.Search =>
  tt.search(space, dataset, { weights: "reset", seed: 1, ...more });

/** Steps of one search that doesn't end. */
export function searchSteps(space: tt.SearchSpace, dataset: tt.Dataset, batch: number, density: number = 0.1): Runner {
  const search = begin(space, dataset, { batch, density, steps: 1e9 });
  return {
    run: (iterations) => {
      for (let i = 0; i < iterations; i++) search.advance();
    },
    dispose: () => search.dispose(),
  };
}

/** Trains the weights of the masked network, and draws new ones as often: a search without the relaxation. */
export function maskedTraining(space: tt.SearchSpace, dataset: tt.Dataset, batch: number): Runner {
  const { plan } = space;
  const gates = tf.fill([space.gateCount], 0.6) as tf.Tensor1D;
  const weights = space.initialise(1, "bench");
  const trained = plan.weights.flatMap((spec, w) => (spec.trainable ? [w] : []));
  const trainedOf = (drawn: readonly tf.Tensor[]): tf.Tensor[] => trained.map((w) => drawn[w]);
  const adam = new tt.Adam(trainedOf(weights), { stepSize: 0.003 });
  const redraw = (draw: number): void => tf.tidy(() => adam.reset(trainedOf(space.initialise(1, "bench", draw))));
  const batches = new Batches(dataset, batch, [1, "bench"]);
  const gradients = tt.compiled((gates, inputs, labels, ...values) => {
    const loss = (...own: tf.Tensor[]): tf.Scalar => {
      const all = [...weights];
      trained.forEach((w, k) => (all[w] = own[k]));
      const options = { training: true, logits: true };
      const [logits] = tt.forward(plan, all, gates as tf.Tensor1D, [inputs], options);
      return tt.softmaxCrossEntropy(labels as tf.Tensor2D, logits as tf.Tensor2D);
    };
    const { value, grads } = tf.valueAndGrads(loss)(values);
    return [value, ...grads];
  });
  let step = 0;
  return {
    run: (iterations) => {
      for (let i = 0; i < iterations; i++) {
        if (step > 0 && step % 100 === 0) redraw(step / 100);
        const { inputs, labels } = batches.at(step++);
        const [value, ...found] = gradients(gates, inputs, labels, ...adam.values);
        value.dataSync();
        adam.step(found);
        tf.dispose([value, inputs, labels, found]);
      }
    },
    dispose: () => adam.dispose(),
  };
}

const definitions: Readonly<Record<string, SearchWorkload>> = {
  mlp: {
    short: "MLP",
    title: "MLP 784-300-100, weight gates, batch 128",
    model: () => tt.mlp({ inputShape: [784], hidden: [300, 100], classes: 10 }),
    gates: "weight",
    batch: 128,
    steps: 400,
  },
  cnn: {
    short: "CNN",
    title: "CNN 32-32-64-64 with bias and batch norm, unit gates, batch 64",
    model: () => convolutional([32, 32, 64, 64]),
    gates: "unit",
    batch: 64,
    steps: 40,
  },
  vgg: {
    short: "VGG-16",
    title: "VGG-16 for 32x32, 15 million weight gates, batch 64",
    model: () => tt.vgg({ depth: 16, classes: 10 }),
    gates: "weight",
    batch: 64,
    steps: 5,
  },
  resnet: {
    short: "ResNet-20, units",
    title: "ResNet-20, unit gates, batch 64",
    model: () => tt.resnet({ depth: 20, classes: 10 }),
    gates: "unit",
    batch: 64,
    steps: 20,
  },
  resnetBlocks: {
    short: "ResNet-20, blocks",
    title: "ResNet-20, block gates, batch 64",
    model: () => tt.resnet({ depth: 20, classes: 10 }),
    gates: "block",
    batch: 64,
    steps: 20,
  },
  cell: {
    short: "operation cell",
    title: "operation cell, 25 gates, 28x28, batch 64",
    model: () => tt.operationNetwork({ inputShape: [28, 28, 1], classes: 10, stages: tt.cellStages() }),
    gates: "op",
    batch: 64,
    // One operation a stage, the fewest that a network has.
    density: 0.2,
    steps: 40,
  },
};

/** Searches on random examples. */
export const searches: Readonly<Record<string, Workload>> = Object.fromEntries(
  Object.entries(definitions).map(([name, definition]): [string, Workload] => {
    const open = (phase: Phase) => (): Runner => openSearch(definition, phase);
    return [
      name,
      {
        title: definition.title,
        short: definition.short,
        phases: { forward: open("forward"), masked: open("masked"), step: open("step"), search: open("search") },
      },
    ];
  }),
);
