import * as tf from "@tensorflow/tfjs";
import { attribute, type AttributeMaker, executeRaw, type NativeBackend, nativeBackend } from "../engine/native.js";

/** The lower Cholesky factor of a symmetric positive definite matrix, row-major in place of `a`, in double precision; NaN if there is none. */
function cholesky(a: Float64Array, n: number): void {
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
      if (i > j) a[i * n + j] = sum / a[j * n + j];
      else a[j * n + j] = Math.sqrt(sum);
    }
  }
}

/** Solves `L L^T X = B` in place for `columns` right-hand sides, row-major. */
function substitute(l: Float64Array, n: number, b: Float64Array, columns: number): void {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) {
      const factor = l[i * n + k];
      for (let c = 0; c < columns; c++) b[i * columns + c] -= factor * b[k * columns + c];
    }
    for (let c = 0; c < columns; c++) b[i * columns + c] /= l[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) {
      const factor = l[k * n + i];
      for (let c = 0; c < columns; c++) b[i * columns + c] -= factor * b[k * columns + c];
    }
    for (let c = 0; c < columns; c++) b[i * columns + c] /= l[i * n + i];
  }
}

/** TensorFlow's number of its type of double precision, which TensorFlow.js has no name for. */
const double = 2;

/** `A^-1 B` by TensorFlow's own ops, in double precision: what is computed with them can be compiled. */
function solveNatively(backend: NativeBackend, a: tf.Tensor, b: tf.Tensor): tf.Tensor2D {
  const { binding } = backend;
  const type =
    (name: string, value: number): AttributeMaker =>
    () => ({ name, type: binding.TF_ATTR_TYPE, value });
  const held: number[] = [];
  const run = (op: string, attributes: readonly AttributeMaker[], inputs: readonly number[]): number => {
    const [{ id }] = executeRaw(backend, op, attributes, inputs, 1);
    held.push(id);
    return id;
  };
  try {
    const [matrix, side] = backend
      .getInputTensorIds([a, b])
      .map((id) => run("Cast", [type("SrcT", binding.TF_FLOAT), type("DstT", double)], [id]));
    const lower = run("Cholesky", [type("T", double)], [matrix]);
    const solved = [false, true].reduce((right, adjoint) => {
      const attributes = [type("T", double), attribute.bool("lower", true), attribute.bool("adjoint", adjoint)];
      return run("MatrixTriangularSolve", attributes, [lower, right]);
    }, side);
    const attributes = [type("SrcT", double), type("DstT", binding.TF_FLOAT)];
    return backend.createOutputTensor(executeRaw(backend, "Cast", attributes, [solved], 1)[0]) as tf.Tensor2D;
  } finally {
    for (const id of held) binding.deleteTensor(id);
  }
}

/** `A^-1 B` in double precision on engines that have none. */
function solveReference(a: tf.Tensor, b: tf.Tensor): tf.Tensor2D {
  const [n, columns] = b.shape;
  const factor = Float64Array.from(a.dataSync());
  cholesky(factor, n);
  const values = Float64Array.from(b.dataSync());
  substitute(factor, n, values, columns);
  return tf.tensor2d(Float32Array.from(values), [n, columns]);
}

/**
 * The solution of `A X = B` for a symmetric positive definite `A`, differentiable in both.
 *
 * Solved in double precision on every engine: these systems have one row a support example. With `G` the gradient of
 * `X`: `dB = A^-1 G` and `dA = -dB X^T`.
 *
 * @param a - [n, n]
 * @param b - [n, columns]
 * @returns [n, columns], not numbers if `A` isn't positive definite
 */
export function solvePositiveDefinite(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  const backend = nativeBackend();
  const times = (matrix: tf.Tensor, side: tf.Tensor): tf.Tensor2D =>
    backend ? solveNatively(backend, matrix, side) : solveReference(matrix, side);
  const solve = tf.customGrad((...given) => {
    const [matrix, right, save] = given as unknown as [tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc];
    const solution = times(matrix, right);
    save([matrix, solution]);
    return {
      value: solution,
      gradFunc: (gradient: tf.Tensor | tf.Tensor[], saved?: tf.Tensor[]) => {
        const [savedMatrix, savedSolution] = saved as [tf.Tensor2D, tf.Tensor2D];
        const right = times(savedMatrix, gradient as tf.Tensor);
        return [tf.neg(tf.matMul(right, savedSolution, false, true)), right];
      },
    };
  });
  return solve(a, b) as tf.Tensor2D;
}

/**
 * What a ridge regression on the support predicts for the queries: `P S^T (S S^T + lambda m I)^-1 (Y - 1/classes)`, with `m`
 * the mean of the kernel's diagonal; differentiable in the features.
 *
 * @param support - features of the support, [n, features]
 * @param labels - one-hot, [n, classes]
 * @param queries - features to predict for, [q, features]
 * @param penalty - lambda, relative to the kernel's mean diagonal; 1e-6 is added so that features that are all zero
 *   give no singular system
 * @returns scores, [q, classes]
 */
export function ridgePredictions(
  support: tf.Tensor2D,
  labels: tf.Tensor2D,
  queries: tf.Tensor2D,
  penalty: number = 0.1,
): tf.Tensor2D {
  const [n, classes] = labels.shape;
  const kernel = tf.matMul(support, support, false, true);
  const diagonal = tf.mean(tf.sum(tf.square(support), 1));
  const ridge = tf.mul(tf.eye(n), tf.add(tf.mul(diagonal, penalty), 1e-6));
  const solution = solvePositiveDefinite(tf.add(kernel, ridge), tf.sub(labels, 1 / classes));
  return tf.matMul(tf.matMul(queries, support, false, true), solution);
}
