import { Dataset, Random } from "../lib/index.js";

/**
 * A data set of which the truth is known: class `k` has mean `2.5` at informative input `k` of each block of as many
 * informative inputs as there are classes, and everything else is noise.
 *
 * @param informative - which of the inputs carry the label; a multiple of the number of classes
 */
export function planted(seed: number, inputSize: number, informative: readonly number[], classCount: number): Dataset {
  const make = (role: string, count: number): { inputs: Float32Array; labels: Int32Array; count: number } => {
    const random = new Random(seed, "planted", role);
    const inputs = random.normals(count * inputSize);
    const labels = Int32Array.from({ length: count }, (_, row) => row % classCount);
    labels.forEach((label, row) =>
      informative.forEach((input, i) => (inputs[row * inputSize + input] += i % classCount === label ? 2.5 : 0)),
    );
    return { inputs, labels, count };
  };
  return new Dataset({
    name: `planted-${seed}`,
    inputShape: [inputSize],
    classNames: Array.from({ length: classCount }, (_, k) => `class ${k}`),
    train: make("train", 600),
    test: make("test", 300),
    provenance: { source: "generated", licence: "none", citation: "none", files: [], steps: [] },
  });
}
