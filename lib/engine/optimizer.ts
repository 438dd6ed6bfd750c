import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { Graph } from "./graph.js";
import { attribute, downloaded, executeRaw, type NativeBackend, nativeBackend } from "./native.js";

/** Everything an optimiser needs to go on exactly where it was, as named lists of arrays. */
export type OptimizerState = {
  /** One array with one entry: how many steps were taken. */
  steps: Float32Array[];
  values: Float32Array[];
  /** The running averages of all parameters, kind by kind (Adam: first moments, then second moments). */
  slots: Float32Array[];
};

/** Parameters as an engine holds them, each with its running averages. */
interface Storage {
  /** Reads the parameters; the tensors are the caller's to dispose. */
  values(): tf.Tensor[];
  /** Reads the running averages. */
  slots(): Float32Array[][];
  write(values: readonly tf.Tensor[], slots: readonly (readonly tf.Tensor[])[]): void;
  /** Takes a step and returns the new values, as {@link values} does. */
  apply(gradients: readonly tf.Tensor[], rule: Rule): tf.Tensor[];
  dispose(): void;
}

/** One step, for an engine with TensorFlow's fused ops and for one without. */
interface Rule {
  readonly op: string;
  /** Numbers that the op takes before the gradient and behind it. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** The same step of one parameter in ordinary ops: new value and new running averages. */
  readonly compose: (value: tf.Tensor, slots: readonly tf.Tensor[], gradient: tf.Tensor) => [tf.Tensor, ...tf.Tensor[]];
}

let handles = 0;

/** Parameters in TensorFlow's resource variables, which its fused ops change in place. */
class NativeStorage implements Storage {
  /** Of each parameter: the variable of its value, then those of its running averages. */
  private readonly variables: number[][];

  /** Of each of an op's numbers, what it was last and a tensor of it. */
  private readonly numbers = new Map<number, { number: number; tensor: tf.Tensor }>();
  private step: string | undefined;

  constructor(
    private readonly backend: NativeBackend,
    private readonly shapes: readonly (readonly number[])[],
    private readonly slotCount: number,
  ) {
    this.variables = shapes.map((shape) =>
      Array.from({ length: 1 + slotCount }, () => {
        const made = executeRaw(
          backend,
          "VarHandleOp",
          [
            attribute.float32("dtype"),
            attribute.shape("shape", shape),
            attribute.string("container", ""),
            attribute.string("shared_name", `twotemp/${handles++}`),
          ],
          [],
          1,
        );
        return made[0].id;
      }),
    );
  }

  private read(variable: number): tf.Tensor {
    const [output] = executeRaw(this.backend, "ReadVariableOp", [attribute.float32("dtype")], [variable], 1);
    return this.backend.createOutputTensor(output);
  }

  private assign(variable: number, tensor: tf.Tensor): void {
    const [id] = this.backend.getInputTensorIds([tensor]);
    executeRaw(this.backend, "AssignVariableOp", [attribute.float32("dtype")], [variable, id], 0);
  }

  values(): tf.Tensor[] {
    return this.variables.map(([value]) => this.read(value));
  }

  slots(): Float32Array[][] {
    return Array.from({ length: this.slotCount }, (_, k) =>
      this.variables.map((variable) => {
        const tensor = this.read(variable[1 + k]);
        const data = downloaded(tensor);
        tensor.dispose();
        return data;
      }),
    );
  }

  write(values: readonly tf.Tensor[], slots: readonly (readonly tf.Tensor[])[]): void {
    this.variables.forEach(([value, ...own], p) => {
      this.assign(value, values[p]);
      own.forEach((variable, k) => this.assign(variable, slots[k][p]));
    });
  }

  apply(gradients: readonly tf.Tensor[], rule: Rule): tf.Tensor[] {
    const numbers = [...rule.before, ...rule.after].map((number, i) => {
      const last = this.numbers.get(i);
      if (last?.number === number) return last.tensor;
      last?.tensor.dispose();
      const tensor = tf.keep(tf.scalar(number));
      this.numbers.set(i, { number, tensor });
      return tensor;
    });
    this.step ??= this.defineStep(rule);
    const ids = this.backend.getInputTensorIds([...numbers, ...gradients]);
    const outputs = executeRaw(this.backend, this.step, [], [...this.variables.flat(), ...ids], this.variables.length);
    return outputs.map((output) => this.backend.createOutputTensor(output));
  }

  /** A function that takes the step for every parameter and reads the new values. */
  private defineStep({ op, before, after }: Rule): string {
    const { binding } = this.backend;
    const graph = new Graph(binding);
    const variables = this.variables.map((own) => own.map(() => graph.input(binding.TF_RESOURCE, [])));
    const number = (): string => graph.input(binding.TF_FLOAT, []);
    const [first, last] = [before.map(number), after.map(number)];
    const gradients = this.shapes.map((shape) => graph.input(binding.TF_FLOAT, shape));
    const read = variables.map((own, p) => {
      const applied = graph.add(op, [attribute.float32("T")(binding)], [...own, ...first, gradients[p], ...last]);
      return `${graph.add("ReadVariableOp", [attribute.float32("dtype")(binding)], [own[0], `^${applied}`])}:0`;
    });
    return graph.finish([...variables.flat(), ...first, ...last, ...gradients], read).define();
  }

  dispose(): void {
    for (const { tensor } of this.numbers.values()) tensor.dispose();
    for (const variable of this.variables.flat()) {
      executeRaw(this.backend, "DestroyResourceOp", [], [variable], 0);
      this.backend.binding.deleteTensor(variable);
    }
  }
}

/** Parameters in tensors, replaced at every step. */
class TensorStorage implements Storage {
  /** Of each parameter: its value, then its running averages. */
  private tensors: tf.Tensor[][] = [];

  private replace(tensors: tf.Tensor[][]): void {
    tensors.flat().forEach((tensor) => tf.keep(tensor));
    tf.dispose(this.tensors);
    this.tensors = tensors;
  }

  values(): tf.Tensor[] {
    return this.tensors.map(([value]) => tf.clone(value));
  }

  slots(): Float32Array[][] {
    const count = (this.tensors[0]?.length ?? 1) - 1;
    return Array.from({ length: count }, (_, k) => this.tensors.map((own) => downloaded(own[1 + k])));
  }

  write(values: readonly tf.Tensor[], slots: readonly (readonly tf.Tensor[])[]): void {
    this.replace(values.map((value, p) => [tf.clone(value), ...slots.map((kind) => tf.clone(kind[p]))]));
  }

  apply(gradients: readonly tf.Tensor[], rule: Rule): tf.Tensor[] {
    this.replace(
      this.tensors.map(
        ([value, ...slots], p) => tf.tidy(() => rule.compose(value, slots, gradients[p])) as tf.Tensor[],
      ),
    );
    return this.values();
  }

  dispose(): void {
    tf.dispose(this.tensors);
    this.tensors = [];
  }
}

/** What {@link Adam} and {@link Momentum} share: who owns the parameters, and how they are saved and restored. */
abstract class Optimizer {
  private readonly shapes: readonly (readonly number[])[];
  private readonly storage: Storage;
  private current: tf.Tensor[] = [];
  private taken: number = 0;

  protected constructor(
    parameters: readonly tf.Tensor[],
    private readonly slotCount: number,
  ) {
    this.shapes = parameters.map((parameter) => parameter.shape);
    const backend = nativeBackend();
    this.storage = backend ? new NativeStorage(backend, this.shapes, slotCount) : new TensorStorage();
    this.reset(parameters);
  }

  /** How many steps were taken since the start or the last reset. */
  get steps(): number {
    return this.taken;
  }

  /** The parameters. The tensors are the optimiser's, and valid until the next change: don't dispose them. */
  get values(): readonly tf.Tensor[] {
    return this.current;
  }

  /** The step with number `step`, counted from 1. */
  protected abstract rule(step: number): Rule;

  /**
   * Takes one step.
   *
   * @param gradients - one a parameter, of its shape; left to the caller
   * @throws TwotempError `engine/gradients` if their number or shapes differ from the parameters'
   */
  step(gradients: readonly tf.Tensor[]): void {
    this.check(gradients, "gradient");
    this.taken++;
    // A value that is still held would make TensorFlow copy it before changing it in place.
    tf.dispose(this.current);
    this.current = this.storage.apply(gradients, this.rule(this.taken)).map((value) => tf.keep(value));
  }

  /** Starts again from other values: running averages and step count are zero, as in a new optimiser. */
  reset(parameters: readonly tf.Tensor[]): void {
    this.check(parameters, "parameter");
    tf.tidy(() => {
      const zeros = Array.from({ length: this.slotCount }, () =>
        parameters.map((parameter) => tf.zerosLike(parameter)),
      );
      this.storage.write(parameters, zeros);
    });
    this.taken = 0;
    this.read();
  }

  /** The exact state. */
  save(): OptimizerState {
    return {
      steps: [Float32Array.of(this.taken)],
      values: this.current.map((value) => downloaded(value)),
      slots: this.storage.slots().flat(),
    };
  }

  /**
   * Goes on from a saved state: the steps that follow are those that would have followed then.
   *
   * @throws TwotempError `engine/state` if the state is of other parameters
   */
  load(state: Readonly<Record<string, readonly Float32Array[]>>): void {
    const { steps, values, slots } = state;
    const sizes = this.shapes.map((shape) => tf.util.sizeFromShape(shape as number[]));
    const fits = (arrays: readonly Float32Array[] | undefined, times: number): boolean =>
      arrays?.length === sizes.length * times && arrays.every((array, i) => array.length === sizes[i % sizes.length]);
    if (!fits(values, 1) || !fits(slots, this.slotCount) || !Number.isInteger(steps?.[0]?.[0])) {
      throw new TwotempError("engine/state", "the optimiser's saved state is of other parameters or another optimiser");
    }
    tf.tidy(() => {
      const tensors = (arrays: readonly Float32Array[]): tf.Tensor[] =>
        arrays.map((array, p) => tf.tensor(array.slice(), this.shapes[p] as number[]));
      const kinds = Array.from({ length: this.slotCount }, (_, k) =>
        tensors(slots.slice(k * sizes.length, (k + 1) * sizes.length)),
      );
      this.storage.write(tensors(values), kinds);
    });
    this.taken = steps[0][0];
    this.read();
  }

  /** Frees the parameters and the running averages. */
  dispose(): void {
    tf.dispose(this.current);
    this.current = [];
    this.storage.dispose();
  }

  private read(): void {
    tf.dispose(this.current);
    this.current = this.storage.values().map((value) => tf.keep(value));
  }

  private check(tensors: readonly tf.Tensor[], what: string): void {
    const wrong = this.shapes.findIndex(
      (shape, p) => !tensors[p] || !tf.util.arraysEqual(shape as number[], tensors[p].shape),
    );
    if (wrong < 0 && tensors.length === this.shapes.length) return;
    const got = wrong < 0 ? `${tensors.length} tensors` : `[${tensors[wrong]?.shape ?? "nothing"}]`;
    const expected = wrong < 0 ? `${this.shapes.length}` : `shape [${this.shapes[wrong]}]`;
    throw new TwotempError(
      "engine/gradients",
      `${what} ${Math.max(0, wrong)} doesn't fit: expected ${expected}, got ${got}`,
    );
  }
}

/** Constants of {@link Adam}. */
export interface AdamOptions {
  /** Default 0.001. */
  readonly stepSize?: number;
  /** Decay of the first moment; default 0.9. */
  readonly beta1?: number;
  /** Decay of the second moment; default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the corrected second moment; default 1e-8. */
  readonly epsilon?: number;
}

/**
 * Adam, with bias correction: at step t with gradient g,
 *
 *     m <- beta1 m + (1 - beta1) g,    v <- beta2 v + (1 - beta2) g^2,
 *     w <- w - stepSize (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).
 *
 * Natively each parameter takes one fused op that changes it in place.
 *
 * @param parameters - start values, any shapes; copied
 * @example
 * ```ts
 * const adam = new Adam([kernel, bias], { stepSize: 0.01 });
 * adam.step([kernelGradient, biasGradient]);
 * const [newKernel, newBias] = adam.values;
 * ```
 */
export class Adam extends Optimizer {
  private readonly options: Required<AdamOptions>;

  constructor(parameters: readonly tf.Tensor[], options: AdamOptions = {}) {
    super(parameters, 2);
    this.options = { stepSize: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, ...options };
  }

  protected rule(step: number): Rule {
    const { stepSize, beta1, beta2, epsilon } = this.options;
    // The corrections are folded into step size and epsilon; TensorFlow's op sees powers of 0 and corrects nothing.
    const root = Math.sqrt(1 - beta2 ** step);
    const rate = (stepSize * root) / (1 - beta1 ** step);
    return {
      op: "ResourceApplyAdam",
      before: [0, 0, rate, beta1, beta2, epsilon * root],
      after: [],
      compose: (value, [m, v], gradient) => {
        const first = tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1));
        const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2));
        const change = tf.div(tf.mul(first, rate), tf.add(tf.sqrt(second), epsilon * root));
        return [tf.sub(value, change), first, second];
      },
    };
  }
}

/** Constants of {@link Momentum}. */
export interface MomentumOptions {
  /** Default 0.01. */
  readonly stepSize?: number;
  /** Decay of the running sum of gradients; default 0.9; 0 is plain gradient descent. */
  readonly momentum?: number;
}

/**
 * Gradient descent with momentum: `m <- momentum m + g`, `w <- w - stepSize m`.
 *
 * @param parameters - start values, any shapes; copied
 * @example
 * ```ts
 * const descent = new Momentum([kernel], { stepSize: 0.1 });
 * ```
 */
export class Momentum extends Optimizer {
  private readonly options: Required<MomentumOptions>;

  constructor(parameters: readonly tf.Tensor[], options: MomentumOptions = {}) {
    super(parameters, 1);
    this.options = { stepSize: 0.01, momentum: 0.9, ...options };
  }

  protected rule(): Rule {
    const { stepSize, momentum } = this.options;
    return {
      op: "ResourceApplyMomentum",
      before: [stepSize],
      after: [momentum],
      compose: (value, [m], gradient) => {
        const sum = tf.add(tf.mul(m, momentum), gradient);
        return [tf.sub(value, tf.mul(sum, stepSize)), sum];
      },
    };
  }
}
