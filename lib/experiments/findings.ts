/** A row of a table of effects, as far as a hypothesis needs it. */
export interface EffectOf {
  readonly source: string;
  readonly target: string;
  readonly density: number;
  readonly shots: number;
  readonly space?: string;
  readonly strategy?: string;
  readonly variant?: string;
  readonly control: string;
  readonly effect: number;
  readonly low: number;
  readonly high: number;
  readonly pHolm?: number;
}

/** A part of a registered hypothesis that a row of the table of effects can refute, a row a control. */
export interface Claim {
  readonly says: string;
  /** Columns that pick the setting. */
  readonly where: Partial<EffectOf>;
  readonly controls: readonly string[];
  /** Points by which the learned architectures are claimed to lead; "no worse" claims only that they aren't behind, "behind" that they are. */
  readonly lead: number | "no worse" | "behind";
}

/** What the table says about a claim and one control. */
export interface Finding<Row extends EffectOf = EffectOf> {
  readonly claim: Claim;
  readonly row: Row;
  readonly verdict: "held" | "held, but not after Holm" | "not shown" | "refuted" | "not refuted";
}

const letters = { source: "emnist-letters:A-M", target: "emnist-letters:N-Z", density: 0.049745, shots: 5 };
const reset = { strategy: "reset", variant: "true-labels", shots: 5 };
const ablated = { variant: "default", shots: 5 };
const five = { shots: 5 };
const cheap = { says: "better than random of equal cost", where: five, controls: ["random-operations"], lead: 0 };

/** The hypotheses in experiments/, in parts; e8's is judged by `predictions`. */
export const claims: Readonly<Record<string, readonly Claim[]>> = {
  e1: [
    {
      says: "at least 5 points ahead",
      where: letters,
      controls: ["random", "random-varying", "shuffled", "magnitude", "magnitude-deviation"],
      lead: 5,
    },
  ],
  "e1-shots": [1, 5, 10, 20, 50].map((shots) => ({
    says: `better than random that vary, ${shots === 1 ? "1 shot" : `${shots} shots`}`,
    where: { shots },
    controls: ["random-varying"],
    lead: 0,
  })),
  "e2-input": [0.010204, 0.002551].map((density) => ({
    says: `better than random that vary, ${Math.round(784 * density)} pixels`,
    where: { density, shots: 5 },
    controls: ["random-varying"],
    lead: 0,
  })),
  "e2-weight": [0.099976, 0.019995, 0.005029, 0.001018].map((density) => ({
    says: `better than random at ${(100 * density).toFixed(1)} %`,
    where: { density, shots: 5 },
    controls: ["random", "random-erk"],
    lead: 0,
  })),
  "e2-unit": [0.098958, 0.03125].map((density) => ({
    says: `better than random at ${(100 * density).toFixed(1)} %`,
    where: { density, shots: 5 },
    controls: ["random"],
    lead: 0,
  })),
  "e2-block": [0.666667, 0.333333].map((density) => ({
    says: `better than random, ${Math.round(9 * density)} blocks of 9`,
    where: { density, shots: 5 },
    controls: ["random"],
    lead: 0,
  })),
  "e2-op": [0.48, 0.2].map((density) => ({
    says: `better than random, ${25 * density} operations of 25`,
    where: { density, shots: 5 },
    controls: ["random"],
    lead: 0,
  })),
  e3: [
    { says: "reset is better", where: reset, controls: ["strategy fixed", "strategy resample"], lead: 0 },
    { says: "shuffled labels make reset worse", where: reset, controls: ["variant shuffled-labels"], lead: 0 },
    { says: "the search's own draw is no better for reset", where: reset, controls: ["own-draw"], lead: "no worse" },
  ],
  "e3-init": ["he", "he-to-glorotUniform", "he-to-leCunNormal", "he-to-orthogonal"].map((space) => ({
    says: `better than random, initialised by ${space}`,
    where: { ...reset, space },
    controls: ["random-varying"],
    lead: 0,
  })),
  "e3-letters": [
    { says: "reset is within 2 points of joint", where: { strategy: "reset" }, controls: ["strategy joint"], lead: -2 },
    { says: "reset is better", where: { strategy: "reset" }, controls: ["strategy resample"], lead: 0 },
  ],
  e4: [
    { says: "the default is no worse", where: ablated, controls: ["every variant"], lead: "no worse" },
    {
      says: "one temperature is worse",
      where: ablated,
      controls: ["variant tc1-th1", "variant tc0.05-th0.05"],
      lead: 0,
    },
    {
      says: "fewer source examples are worse",
      where: ablated,
      controls: ["variant examples100", "variant examples300", "variant examples1000"],
      lead: 0,
    },
  ],
  e5: [
    {
      says: "at least 3 points ahead",
      where: five,
      controls: ["random-operations", "shuffled", "full", "best-random", "lenet", "scattering", "linear-inputs"],
      lead: 3,
    },
  ],
  "e5-targets": [cheap],
  "e5-letters": [cheap],
  "e5-colour": [cheap],
  "e5-tuned": [cheap],
  "e6-unit": [{ says: "better than other widths", where: five, controls: ["random", "small-parameters"], lead: 0 }],
  "e6-weight": [{ says: "better than shuffled layers", where: five, controls: ["shuffled"], lead: 0 }],
  "e6-resnet": [{ says: "better than other widths", where: five, controls: ["random", "small-parameters"], lead: 0 }],
  "e6-vgg": [{ says: "better than shuffled layers", where: five, controls: ["shuffled"], lead: 0 }],
  e7: [0.019995, 0.099976].flatMap((density): Claim[] => {
    const where = { density, shots: 5 };
    const at = `at ${(100 * density).toFixed(1)} %`;
    return [
      { says: `re-initialised, better ${at}`, where, controls: ["magnitude", "snip", "synflow"], lead: 0 },
      { says: `behind kept weights ${at}`, where, controls: ["magnitude-kept", "iterative-magnitude"], lead: "behind" },
    ];
  }),
  longer: [
    { says: "the default is behind longer searches", where: ablated, controls: ["variant longer"], lead: "behind" },
  ],
};

/**
 * What a table of effects says about an experiment's hypothesis. A lead is *held* if the whole 95 % interval lies above it and
 * the difference from zero survives Holm's correction over the experiment; *refuted* if the interval lies below. "No worse"
 * is *refuted* if the interval lies below zero, else *not refuted*, which is no proof of equality.
 *
 * @param name - of the experiment
 * @param rows - its table of effects
 * @returns a finding a claim and control, in the order of {@link claims}
 * @example
 * ```ts
 * findings("e1", await readEffects("experiments/results/e1-effects.csv"));
 * ```
 */
export function findings<Row extends EffectOf>(name: string, rows: readonly Row[]): Finding<Row>[] {
  return (Object.hasOwn(claims, name) ? claims[name] : []).flatMap((claim) =>
    rows
      .filter((row) => fits(row, claim.where))
      .filter(({ control }) =>
        claim.controls[0] === "every variant" ? control.startsWith("variant ") : claim.controls.includes(control),
      )
      .map((row) => ({ claim, row, verdict: judge(claim.lead, row) })),
  );
}

/** Whether a row is of the setting that some columns pick. */
export function fits(row: EffectOf, where: Partial<EffectOf>): boolean {
  return Object.entries(where).every(([key, value]) => row[key as keyof EffectOf] === value);
}

function judge(
  lead: Claim["lead"],
  { low, high, pHolm }: Pick<EffectOf, "low" | "high" | "pHolm">,
): Finding["verdict"] {
  if (lead === "behind") return judge(0, { low: -high, high: -low, pHolm });
  if (lead === "no worse") return high < 0 ? "refuted" : "not refuted";
  // A claim that something is hardly behind says nothing of a difference from zero.
  if (low > lead && lead < 0) return "held";
  if (low > lead) return (pHolm ?? 1) < 0.05 ? "held" : "held, but not after Holm";
  return high < lead ? "refuted" : "not shown";
}
