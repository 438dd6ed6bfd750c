import { type EffectOf, fits } from "../experiments/findings.js";

interface Highlight {
  readonly experiment: string;
  readonly learned: string;
  readonly where: Partial<EffectOf>;
  readonly controls: readonly string[];
}

/** The comparisons that the README shows: the settings of the registered hypotheses, with what is ahead. */
const highlights: readonly Highlight[] = [
  {
    experiment: "e1",
    learned: "39 of 784 pixels, letters A-M to N-Z",
    where: { source: "emnist-letters:A-M", density: 0.049745, shots: 5 },
    controls: ["random-varying", "shuffled", "magnitude", "snip", "small-parameters", "full", "fine-tuned"],
  },
  {
    experiment: "e5",
    learned: "operations, MNIST to letters N-Z, ridge head",
    where: { shots: 5 },
    controls: ["random-operations", "best-random", "shuffled", "full", "lenet", "scattering", "linear-inputs"],
  },
  {
    experiment: "e7",
    learned: "2 % of the weights, digits 0-4 to 5-9",
    where: { density: 0.019995, shots: 5 },
    controls: ["random-erk", "magnitude", "snip", "iterative-magnitude", "full"],
  },
];

/** The README's table of results, from tables of effects by experiment; those without a table are left out. */
export function highlightsTable<Row extends EffectOf>(
  effects: ReadonlyMap<string, readonly Row[]>,
  label: (control: string) => string,
  interval: (row: Row) => string,
  holm: (p: Row["pHolm"]) => string,
): string {
  const lines = highlights.flatMap(({ experiment, learned, where, controls }) => {
    const rows = effects.get(experiment) ?? [];
    return controls.flatMap((control) => {
      const found = rows.find((row) => fits(row, { ...where, control }));
      return found ? [[learned, label(control), interval(found), holm(found.pHolm)]] : [];
    });
  });
  const head = ["learned, 5 shots", "control", "lead in points, 95 % interval", "p, Holm"];
  // Padded, as the README is formatted.
  const widths = head.map((_, c) => Math.max(...[head, ...lines].map((line) => line[c].length)));
  const padded = [head, widths.map((width) => "-".repeat(width)), ...lines];
  return padded.map((line) => `| ${line.map((cell, c) => cell.padEnd(widths[c])).join(" | ")} |`).join("\n");
}
