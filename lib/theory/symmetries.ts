import { TwotempError } from "../errors.js";

/** A group of gates, as far as its symmetry matters. */
export interface SymmetricGroup {
  readonly kind: string;
  readonly offset: number;
  readonly size: number;
}

/**
 * Whether two masks give networks with one and the same law once their weights are drawn anew.
 *
 * The hidden units of a layer are exchangeable under an exchangeable initialisation: which ones are kept doesn't matter,
 * only how many. So a shuffle of unit gates within a layer is no control: the difference is exactly 0 in law. Inputs,
 * weights, operations and blocks aren't exchangeable: there the masks must be equal.
 *
 * @param groups - one a hidden layer (coupled layers are one group), or of another kind
 * @returns true if the laws are the same; false says only that this symmetry doesn't make them so
 * @throws TwotempError `theory/mask` for masks of different sizes
 * @example
 * ```ts
 * sameLaw([1, 0, 0], [0, 0, 1], [{ kind: "unit", offset: 0, size: 3 }]);  // true
 * sameLaw([1, 0, 0], [0, 0, 1], [{ kind: "input", offset: 0, size: 3 }]); // false
 * ```
 * Source: Proposition 6 of this project's method notes (docs/theory.md).
 */
export function sameLaw(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  groups: readonly SymmetricGroup[],
): boolean {
  if (first.length !== second.length) {
    throw new TwotempError("theory/mask", `masks to compare need one size; got ${first.length} and ${second.length}`);
  }
  // Gates on weights tell units apart.
  const areAlike = groups.every(({ kind }) => kind !== "weight");
  return groups.every(({ kind, offset, size }) => {
    const parts = [first, second].map((mask) => Array.from(mask).slice(offset, offset + size));
    if (kind !== "unit" || !areAlike) return parts[0].every((kept, i) => kept === parts[1][i]);
    const [a, b] = parts.map((part) => part.reduce((sum, kept) => sum + kept, 0));
    return a === b;
  });
}

/**
 * How much of a gate gradient depends on the labels: the largest difference of gradients under labels that are dealt out to
 * the examples anew from the first, as a part of their largest entry.
 *
 * If the head's output units are exchangeable and drawn anew every step, and the loss doesn't change when outputs and labels
 * are permuted together, then the expected loss of an example is the same whatever its label: under the strategy
 * `resample` this number is 0 in expectation, and the gates can't learn from labels.
 *
 * @param gradients - expected gate gradients, one a way of labelling the examples, each [gateCount]
 *
 * Source: Proposition 7 of this project's method notes (docs/theory.md).
 */
export function labelDependence(gradients: readonly ArrayLike<number>[]): number {
  let largest = 0;
  let difference = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) {
      largest = Math.max(largest, Math.abs(gradient[i]));
      difference = Math.max(difference, Math.abs(gradient[i] - gradients[0][i]));
    }
  }
  return largest === 0 ? 0 : difference / largest;
}
