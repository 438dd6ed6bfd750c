import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random } from "../../lib/engine/index.js";
import {
  type EstimatorName,
  estimators,
  type Relaxation,
  type RelaxationOptions,
  type RelaxationSettings,
  relaxationSettings,
  type UpdateName,
  updates,
} from "../../lib/relaxation/index.js";
import { foldedSteps } from "../../lib/relaxation/accumulators.js";
import { ReferenceRelaxation } from "../../lib/relaxation/referenceRelaxation.js";
import { TensorRelaxation } from "../../lib/relaxation/tensorRelaxation.js";

const gateCount = 50;
export const updateNames = Object.keys(updates) as UpdateName[];

/** An estimator with an update that takes it. */
export interface Pair {
  readonly estimator: EstimatorName;
  readonly update: UpdateName;
}

export const pairs: readonly Pair[] = (Object.keys(estimators) as EstimatorName[]).flatMap((estimator) =>
  updateNames.flatMap((update) => (updates[update].takes(estimators[estimator]) ? [{ estimator, update }] : [])),
);

/** One estimator without noise and one with it, for quick tests. */
export const everyday: readonly Pair[] = pairs.filter(({ estimator }) =>
  ["two-temperature", "gumbel-sigmoid"].includes(estimator),
);

export function options(more: Partial<RelaxationOptions> = {}): RelaxationOptions {
  const start = new Random(5, "start").uniforms(gateCount, -0.5, 0.5);
  return {
    gateCount,
    stepSize: 0.1,
    initialLogits: start,
    hotTemperature: 0.8,
    coldTemperature: 0.2,
    logitBound: 1.5,
    ...more,
  };
}

/** A gradient that belongs to no objective, of a scale that changes. */
export function gradient(step: number, size: number = gateCount): Float32Array {
  return new Random(1, "gradient", step).normals(size, 10 ** (Math.sin(step) / 2));
}

/** Takes the steps `from` to `to` with these gradients. */
export function drive(relaxation: Relaxation, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    relaxation.gates();
    const g = tf.tensor1d(gradient(step));
    relaxation.step(g, Math.cos(step));
    g.dispose();
  }
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i])));
}

/** Tests that float64 and tensors give the same run. */
export function testAgreement({ estimator, update }: Pair): void {
  test(`agree for ${estimator} with ${update}`, () => {
    const settings = relaxationSettings(options({ estimator, update }));
    const reference = new ReferenceRelaxation(settings);
    const tensors = new TensorRelaxation(settings);
    drive(reference, 0, 100);
    drive(tensors, 0, 100);
    // Hard gates may differ where a logit is within rounding of the threshold: none is here.
    assert.ok(largestDifference(reference.logits(), tensors.logits()) < 2e-4);
    const [a, b] = [reference.accumulators(), tensors.accumulators()];
    assert.equal(a.steps, b.steps);
    assert.ok(largestDifference(a.vector, b.vector) < 1e-4);
    assert.ok(largestDifference(a.products, b.products) < 0.01);
    assert.ok(Math.abs(a.squares / b.squares - 1) < 1e-5);
    assert.ok(updates[update].needsLargest ? Math.abs(a.largest - b.largest) < 1e-6 : b.largest >= a.largest);
    assert.ok(Math.abs(a.scalar - b.scalar) < 0.02);
    if (update === "adaptive") assert.ok(largestDifference(a.gateSquares!, b.gateSquares!) < 1e-4 * a.squares);
    assert.deepEqual(tensors.accumulators({ ended: true }), b);
    reference.dispose();
    tensors.dispose();
  });
}

/** A class of relaxations. */
type Kind = new (settings: RelaxationSettings) => Relaxation;

/** Asserts that a run goes on exactly from a saved state, before and after sums are folded. */
export function checkGoesOn(Kind: Kind, { estimator, update }: Pair): void {
  const settings = relaxationSettings(options({ estimator, update }));
  const whole = new Kind(settings);
  drive(whole, 0, foldedSteps + 40);
  const first = new Kind(settings);
  drive(first, 0, 37);
  const second = new Kind(settings);
  second.load(structuredClone(first.save()));
  drive(second, 37, foldedSteps + 40);
  assert.deepEqual(second.save(), whole.save(), `${estimator} ${update}`);
  for (const relaxation of [whole, first, second]) relaxation.dispose();
}

/** Asserts that steps leave no tensor behind, nor does what was disposed of. */
export function checkLeaks(Kind: Kind, tried: readonly Pair[]): void {
  const held = tf.memory().numTensors;
  for (const { estimator, update } of tried) {
    const relaxation = new Kind(relaxationSettings(options({ estimator, update })));
    drive(relaxation, 0, 30);
    const atThirty = tf.memory().numTensors;
    drive(relaxation, 30, 62);
    relaxation.accumulators();
    assert.ok(tf.memory().numTensors <= atThirty + 6);
    relaxation.dispose();
  }
  assert.equal(tf.memory().numTensors, held);
}
