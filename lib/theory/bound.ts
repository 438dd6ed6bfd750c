/** Something that a theorem asks of a run, and whether this run has it. */
export interface Assumption {
  readonly text: string;
  readonly holds: boolean;
}

/**
 * One inequality of a theorem, evaluated on one run: `left <= right`.
 *
 * Where an assumption doesn't hold there is no bound: `left`, `right`, `ratio` and `holds` are undefined then.
 */
export interface Bound {
  /** For example `"Theorem 1"`. */
  readonly theorem: string;
  /** What is bounded, in words. */
  readonly what: string;
  readonly assumptions: readonly Assumption[];
  readonly left: number | undefined;
  readonly right: number | undefined;
  /** `left / right`: how much of the bound is used; 0 if both are 0. */
  readonly ratio: number | undefined;
  /** By how much rounding alone may move `left` above `right`. */
  readonly tolerance: number;
  readonly holds: boolean | undefined;
  /** What the sides consist of. */
  readonly terms: Readonly<Record<string, number>>;
}

/** Sides and terms of a bound before its assumptions are looked at. */
export interface Sides {
  readonly theorem: string;
  readonly what: string;
  readonly assumptions?: readonly Assumption[];
  readonly left: number;
  readonly right: number;
  readonly tolerance?: number;
  readonly terms?: Readonly<Record<string, number>>;
}

/** Evaluates an inequality, unless an assumption fails. */
export function bound(sides: Sides): Bound {
  const { theorem, what, assumptions = [], left, right, tolerance = 0, terms = {} } = sides;
  if (assumptions.some((assumption) => !assumption.holds)) {
    return {
      theorem,
      what,
      assumptions,
      left: undefined,
      right: undefined,
      ratio: undefined,
      tolerance,
      holds: undefined,
      terms,
    };
  }
  // Written so that NaN doesn't hold.
  const holds = left <= right + tolerance;
  return {
    theorem,
    what,
    assumptions,
    left,
    right,
    ratio: left === 0 && right === 0 ? 0 : left / right,
    tolerance,
    holds,
    terms,
  };
}

/** What fails where there is no bound, in one line; empty where there is one. */
export function unmet(bound: Bound): string {
  return bound.assumptions.flatMap(({ text, holds }) => (holds ? [] : [text])).join("; ");
}
