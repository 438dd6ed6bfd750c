import type * as tf from "@tensorflow/tfjs";
import { attribute, execute, ownKernels } from "../engine/native.js";
import { largestGradient } from "./checks.js";
import type { RelaxationSettings } from "./options.js";
import { estimators } from "./estimators/index.js";
import { twoTemperature } from "./estimators/twoTemperature.js";
import { adaptive, dualNumbers } from "./updates/adaptive.js";
import { nearEnough } from "./updates/halfDual.js";
import { updates } from "./updates/index.js";

/**
 * Takes a step **in place**, and gives the gates after it, [gateCount]: undefined, with nothing changed, for a gradient that isn't
 * finite or is larger than {@link largestGradient}.
 *
 * @param price - what is added to the gradient, [1] or [gateCount]
 * @param state - the logits, then the update's memory
 * @param sums - of products and of gradients, then the lowest and the highest logits; no tensor may share the memory of these or of
 *   the state
 * @param looks - whether lowest and highest logits change, too
 * @returns the gates and `|g|^2`
 */
export type OnePass = (
  gradient: tf.Tensor1D,
  price: tf.Tensor1D,
  gates: tf.Tensor1D,
  state: readonly tf.Tensor1D[],
  sums: readonly tf.Tensor1D[],
  looks: boolean,
) => { readonly gates: tf.Tensor1D | undefined; readonly squares: number };

/**
 * A step of the default relaxation, two temperatures moved by `adaptive`, by the project's own op: it reads and writes each vector
 * once, where TensorFlow's ops take some thirty passes. The results are those of TensorFlow's ops, but for rounding.
 *
 * @returns undefined for other relaxations and on other engines
 */
export function onePass(settings: RelaxationSettings): OnePass | undefined {
  const { coldTemperature: cold, hotTemperature: hot, logitBound: bound, stepSize } = settings;
  const { scale, most } = dualNumbers({ stepSize, hot, bound });
  const native = ownKernels();
  const isDefault = estimators[settings.estimator] === twoTemperature && updates[settings.update] === adaptive;
  if (!isDefault || scale > nearEnough || !native) return undefined;
  const numbers = { scale, most, hot, cold, largest: largestGradient };
  const attributes = Object.entries(numbers).map(([name, value]) => attribute.float(name, value));
  return (gradient, price, gates, state, sums, looks) => {
    const inputs = [gradient, price, gates, ...state, ...sums];
    const all = [...attributes, attribute.bool("looks", looks)];
    const [opened, squared] = execute(native, "TwotempRelaxationStep", all, inputs, 2);
    const [squares] = squared.dataSync();
    squared.dispose();
    if (Number.isFinite(squares)) return { gates: opened as tf.Tensor1D, squares };
    opened.dispose();
    return { gates: undefined, squares };
  };
}
