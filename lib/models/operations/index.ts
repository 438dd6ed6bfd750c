import { TwotempError } from "../../errors.js";
import { absolute } from "./absolute.js";
import { activations } from "./activations.js";
import { blurs } from "./blur.js";
import { channelNorm } from "./channelNorm.js";
import { convolutions } from "./convolution.js";
import { depthwise } from "./depthwise.js";
import { globalAverage } from "./globalAverage.js";
import { gradientMagnitude } from "./gradientMagnitude.js";
import { instanceNorm } from "./instanceNorm.js";
import { laplacian } from "./laplacian.js";
import { localContrast } from "./localContrast.js";
import { minPoolings } from "./minPooling.js";
import type { Operation } from "./operation.js";
import { orientedFilters } from "./orientedFilters.js";
import { poolings } from "./pooling.js";
import { signedRoot } from "./signedRoot.js";
import { skip } from "./skip.js";
import { squared } from "./squared.js";
import { winnerTakeAll } from "./winnerTakeAll.js";

const operations = new Map<string, Operation>(
  [
    skip,
    ...activations,
    absolute,
    squared,
    signedRoot,
    winnerTakeAll,
    ...convolutions,
    depthwise,
    orientedFilters,
    ...blurs,
    gradientMagnitude,
    laplacian,
    localContrast,
    ...poolings,
    ...minPoolings,
    globalAverage,
    channelNorm,
    instanceNorm,
  ].map((operation) => [operation.name, operation]),
);

/** What comes with the library: one's own may be defined again, as a notebook's cell does that is run twice. */
const builtIn = new Set(operations.keys());

/** The names of the operations that networks may offer. */
export const operationNames = (): string[] => [...operations.keys()];

/** @throws TwotempError `models/operation` for a name that isn't known */
export function operation(name: string): Operation {
  const found = operations.get(name);
  if (!found) {
    throw new TwotempError(
      "models/operation",
      `unknown operation ${JSON.stringify(name)}: use one of ${operationNames().join(", ")}`,
    );
  }
  return found;
}

/**
 * Adds an operation of one's own to those that networks may offer.
 *
 * @throws TwotempError `models/operation` for the name of an operation that comes with the library
 * @example
 * ```ts
 * defineOperation({
 *   name: "elu",
 *   apply: (value, { name }) => tf.layers.elu({ name }).apply(value) as tf.SymbolicTensor,
 * });
 * ```
 */
export function defineOperation(added: Operation): void {
  if (builtIn.has(added.name)) {
    throw new TwotempError("models/operation", `there is an operation ${added.name} already: use another name`);
  }
  operations.set(added.name, added);
}

export type { Operation, Placement } from "./operation.js";
export { FixedLayer } from "./fixedLayer.js";
export { OperationSum } from "./operationSum.js";
export { RmsNorm } from "./rmsNorm.js";
