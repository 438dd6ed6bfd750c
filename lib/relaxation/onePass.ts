import type * as tf from "@tensorflow/tfjs";
import { attribute, type AttributeMaker, execute, ownKernels } from "../engine/native.js";
import { largestGradient } from "./checks.js";
import type { RelaxationSettings } from "./options.js";
import { estimators } from "./estimators/index.js";
import { twoTemperature } from "./estimators/twoTemperature.js";
import { adaptive, dualNumbers } from "./updates/adaptive.js";
import { nearEnough } from "./updates/halfDual.js";
import { updates } from "./updates/index.js";

/** `R / tc` up to which the op opens gates: its exponential is of numbers up to 87. */
const largestExponent = 80;

/** The default relaxation, two temperatures moved by `adaptive`, by the project's own ops. */
export interface OnePass {
  /** The gates of logits, [gateCount], to the bit those that a step to these logits gives. */
  open(logits: tf.Tensor1D): Opened;
  /**
   * Takes a step **in place**, and gives the gates after it: undefined, with nothing changed, for a gradient that isn't finite or is
   * larger than {@link largestGradient}.
   *
   * @param price - what is added to the gradient, [1] or [gateCount]
   * @param state - the logits, then the update's memory
   * @param sums - of products and of gradients, then the lowest and the highest logits; no tensor may share the memory of these or of
   *   the state
   * @param looks - whether lowest and highest logits change, too
   * @returns the gates, and `|g|^2`
   */
  step(
    gradient: tf.Tensor1D,
    price: tf.Tensor1D,
    gates: tf.Tensor1D,
    state: readonly tf.Tensor1D[],
    sums: readonly tf.Tensor1D[],
    looks: boolean,
  ): { readonly opened: Opened | undefined; readonly squares: number };
}

/** Gates and their sum. */
export interface Opened {
  readonly gates: tf.Tensor1D;
  readonly sum: number;
}

/**
 * A step that reads and writes each vector once, where TensorFlow's ops take some thirty passes. The results are those of
 * TensorFlow's ops, but for rounding.
 *
 * @returns undefined for other relaxations, for steps or temperatures that its formulas aren't for, and on other engines
 */
export function onePass(settings: RelaxationSettings): OnePass | undefined {
  const { coldTemperature: cold, hotTemperature: hot, logitBound: bound, stepSize } = settings;
  const { scale, most } = dualNumbers({ stepSize, hot, bound });
  const native = ownKernels();
  const isDefault = estimators[settings.estimator] === twoTemperature && updates[settings.update] === adaptive;
  if (!isDefault || scale > nearEnough || bound > largestExponent * cold || !native) return undefined;
  const float = (numbers: Readonly<Record<string, number>>): AttributeMaker[] =>
    Object.entries(numbers).map(([name, value]) => attribute.float(name, value));
  const ofGates = float({ cold });
  const ofStep = float({ scale, most, hot, cold, largest: largestGradient });
  const run = (op: string, attributes: AttributeMaker[], inputs: tf.Tensor1D[]): [tf.Tensor1D, Float32Array] => {
    const [opened, measured] = execute(native, op, attributes, inputs, 2);
    const numbers = measured.dataSync<"float32">();
    measured.dispose();
    return [opened as tf.Tensor1D, numbers];
  };
  return {
    open: (logits) => {
      const [gates, [sum]] = run("TwotempRelaxationGates", ofGates, [logits]);
      return { gates, sum };
    },
    step: (gradient, price, gates, state, sums, looks) => {
      const attributes = [...ofStep, attribute.bool("looks", looks)];
      const inputs = [gradient, price, gates, ...state, ...sums];
      const [opened, [squares, sum]] = run("TwotempRelaxationStep", attributes, inputs);
      if (Number.isFinite(squares)) return { opened: { gates: opened, sum }, squares };
      opened.dispose();
      return { opened: undefined, squares };
    },
  };
}
