import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { type Address, Random } from "../engine/index.js";
import { sizeOf } from "./labels.js";
import type { WeightSpec } from "./types.js";

/** The name that {@link WeightSpec.initializer} has for weights whose initialiser the layer doesn't tell. */
export const asBuilt = "AsBuilt";

type Config = Readonly<Record<string, unknown>>;
type Initialiser = (shape: readonly number[], config: Config, random: Random) => Float32Array;

const number = (value: unknown, otherwise: number): number => (typeof value === "number" ? value : otherwise);

const filled = (shape: readonly number[], value: number): Float32Array => new Float32Array(sizeOf(shape)).fill(value);

/** Normal numbers, drawn again beyond two deviations. */
function truncatedNormals(size: number, mean: number, deviation: number, random: Random): Float32Array {
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    let draw = random.normal();
    while (Math.abs(draw) > 2) draw = random.normal();
    out[i] = mean + deviation * draw;
  }
  return out;
}

/** Fan-in and fan-out of a kernel, as Keras counts them: receptive field times channels. */
export function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: Math.sqrt(sizeOf(shape)), fanOut: Math.sqrt(sizeOf(shape)) };
  const field = sizeOf(shape.slice(0, -2));
  return { fanIn: field * shape.at(-2)!, fanOut: field * shape.at(-1)! };
}

/** The variance that VarianceScaling aims at: scale / fan. */
function scaledVariance(shape: readonly number[], config: Config): number {
  const { fanIn, fanOut } = fans(shape);
  const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[String(config.mode ?? "fanIn")] ?? fanIn;
  return number(config.scale, 1) / Math.max(1, fan);
}

/** Orthonormal columns (or rows, whichever are fewer) times a gain: Gram and Schmidt on a normal matrix. */
const orthogonal: Initialiser = (shape, config, random) => {
  const columns = shape.at(-1)!;
  const rows = sizeOf(shape) / columns;
  const [long, short] = [Math.max(rows, columns), Math.min(rows, columns)];
  const vectors: Float64Array[] = [];
  while (vectors.length < short) {
    const vector = Float64Array.from({ length: long }, () => random.normal());
    // Twice: once leaves rounding errors that grow with the number of vectors.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors) {
        const along = other.reduce((sum, x, i) => sum + x * vector[i], 0);
        for (let i = 0; i < long; i++) vector[i] -= along * other[i];
      }
    }
    const norm = Math.hypot(...vector);
    if (norm < 1e-8) continue;
    vectors.push(vector.map((x) => x / norm));
  }
  const gain = number(config.gain, 1);
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const row = Math.floor(at / columns);
    const column = at % columns;
    return gain * (rows >= columns ? vectors[column][row] : vectors[row][column]);
  });
};

const initialisers = new Map<string, Initialiser>(
  Object.entries<Initialiser>({
    Zeros: (shape) => filled(shape, 0),
    Ones: (shape) => filled(shape, 1),
    Constant: (shape, config) => filled(shape, number(config.value, 0)),
    RandomNormal: (shape, config, random) => {
      const mean = number(config.mean, 0);
      return random.normals(sizeOf(shape), number(config.stddev, 0.05)).map((x) => x + mean);
    },
    RandomUniform: (shape, config, random) =>
      random.uniforms(sizeOf(shape), number(config.minval, -0.05), number(config.maxval, 0.05)),
    TruncatedNormal: (shape, config, random) =>
      truncatedNormals(sizeOf(shape), number(config.mean, 0), number(config.stddev, 0.05), random),
    VarianceScaling: (shape, config, random) => {
      const variance = scaledVariance(shape, config);
      if (config.distribution === "uniform") {
        const limit = Math.sqrt(3 * variance);
        return random.uniforms(sizeOf(shape), -limit, limit);
      }
      return truncatedNormals(sizeOf(shape), 0, Math.sqrt(variance), random);
    },
    Orthogonal: orthogonal,
    Identity: (shape, config) => {
      const out = filled(shape, 0);
      for (let i = 0; i < Math.min(shape[0], shape[1]); i++) out[i * shape[1] + i] = number(config.gain, 1);
      return out;
    },
  }),
);

/**
 * Fresh values of one weight, following its layer's own initialiser (Glorot, He and LeCun are VarianceScaling).
 *
 * @param spec - the weight
 * @param current - the model's present value, which weights without an initialiser keep
 * @param address - where the draw lives; the weight's name is added, so that no two weights get the same numbers
 * @throws TwotempError `space/initialiser` for an initialiser that isn't TensorFlow.js's own
 */
export function drawWeight(spec: WeightSpec, current: () => Float32Array, address: Address): Float32Array {
  const { className, config } = spec.initializer;
  if (className === asBuilt) return current();
  const initialiser = initialisers.get(className);
  if (!initialiser) {
    throw new TwotempError(
      "space/initialiser",
      `${spec.name} has the initialiser ${className}: use one of ${[...initialisers.keys()].join(", ")}`,
    );
  }
  return initialiser(spec.shape, config, new Random(...address, spec.name));
}

/**
 * One shared magnitude with random signs, in place of a random kernel: the root mean square of a fresh draw.
 * Weights that aren't drawn at random (biases, normalisation) start as they always do.
 */
export function drawConstant(spec: WeightSpec, current: () => Float32Array, address: Address): Float32Array {
  const drawn = drawWeight(spec, current, address);
  if (["Zeros", "Ones", "Constant", "Identity", asBuilt].includes(spec.initializer.className)) return drawn;
  const magnitude = typicalMagnitude(spec);
  const random = new Random(...address, spec.name, "sign");
  return drawn.map(() => (random.uniform() < 0.5 ? -magnitude : magnitude));
}

/** The standard deviation of the weight's initialiser (of its target variance, for truncated draws). */
function typicalMagnitude({ shape, initializer: { className, config } }: WeightSpec): number {
  switch (className) {
    case "VarianceScaling":
      return Math.sqrt(scaledVariance(shape, config));
    case "RandomUniform":
      return (number(config.maxval, 0.05) - number(config.minval, -0.05)) / Math.sqrt(12);
    case "Orthogonal":
      return number(config.gain, 1) / Math.sqrt(Math.max(sizeOf(shape) / shape.at(-1)!, shape.at(-1)!));
    default:
      return number(config.stddev, 0.05);
  }
}

/** Tensors from drawn values. */
export function asTensors(specs: readonly WeightSpec[], values: readonly Float32Array[]): tf.Tensor[] {
  return specs.map(({ shape }, w) => tf.tensor(values[w], shape as number[], "float32"));
}
