import type { Dataset } from "../data/index.js";

/** The standard deviation of each input over the training examples, as a model is given them, [inputSize]. */
export function inputDeviations({ train, inputSize, scale }: Dataset): Float64Array {
  const sums = new Float64Array(inputSize);
  const squares = new Float64Array(inputSize);
  // What rounding leaves of a constant input is no deviation.
  const varies = new Uint8Array(inputSize);
  for (let row = 0; row < train.count; row++) {
    for (let i = 0; i < inputSize; i++) {
      const value = train.inputs[row * inputSize + i];
      sums[i] += value;
      squares[i] += value * value;
      if (value !== train.inputs[i]) varies[i] = 1;
    }
  }
  return squares.map((square, i) => {
    if (!varies[i]) return 0;
    const mean = sums[i] / train.count;
    return scale * Math.sqrt(Math.max(0, square / train.count - mean * mean));
  });
}
