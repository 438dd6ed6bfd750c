/** What an overlap needs of an architecture. */
export interface MaskOfGroups {
  readonly groups: readonly { readonly offset: number; readonly size: number }[];
  /** 1 where a gate is kept, [gateCount]. */
  readonly mask: ArrayLike<number>;
}

/** How much two masks share, and what chance alone would make them share, as fractions of the gates that they keep. */
export interface Shared {
  readonly shared: number;
  readonly chance: number;
}

/**
 * The part of their kept gates that two masks of one space share: `2 |A and B| / (|A| + |B|)`. By chance, with the same
 * number kept in each group g of n_g gates, it would be `2 sum_g a_g b_g / n_g / (|A| + |B|)`.
 *
 * @example
 * ```ts
 * const { shared, chance } = sharedGates(first, second);
 * ```
 */
export function sharedGates(a: MaskOfGroups, b: MaskOfGroups): Shared {
  let total = 0;
  let both = 0;
  let expected = 0;
  for (const { offset, size } of a.groups) {
    let ofA = 0;
    let ofB = 0;
    for (let i = offset; i < offset + size; i++) {
      ofA += a.mask[i];
      ofB += b.mask[i];
      both += a.mask[i] * b.mask[i];
    }
    total += ofA + ofB;
    expected += (ofA * ofB) / size;
  }
  return total === 0 ? { shared: 1, chance: 1 } : { shared: (2 * both) / total, chance: (2 * expected) / total };
}
