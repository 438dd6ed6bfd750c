import type { Command } from "commander";
import type { EffectOf, Experiment, Finding, OverlapOf, Prediction } from "../experiments/index.js";
import { highlightsTable } from "./highlights.js";
import type { ExperimentEffect, KeptGate } from "../plot/index.js";

type SavedEffect = ExperimentEffect & EffectOf & { readonly learned: number; readonly pHolm: number };

/** `twotemp report`: writes docs/results.md and the README's table from the committed tables. */
export function addReport(program: Command): void {
  program
    .command("report")
    .summary("write docs/results.md and the README's table from the committed tables")
    .description(
      "Writes every number of docs/results.md, and the README's table, from experiments/*.json and experiments/results/*-effects.csv.",
    )
    .action(async () => {
      const { join } = await import("node:path");
      const { readFileSync } = await import("node:fs");
      const { projectRoot } = await import("../project.js");
      const { writeAtomically } = await import("../experiments/files.js");
      const { page, highlights } = await report();
      writeAtomically(join(projectRoot, "docs", "results.md"), page);
      const readme = join(projectRoot, "README.md");
      writeAtomically(readme, withHighlights(readFileSync(readme, "utf8"), highlights));
      console.log("docs/results.md\nREADME.md");
    });
}

/** A README with its table of results written anew. */
export function withHighlights(readme: string, highlights: string): string {
  return readme.replace(
    /(<!-- results -->\n)[^]*(\n<!-- \/results -->)/,
    (_, begin, end) => `${begin}\n${highlights}\n${end}`,
  );
}

/** The page docs/results.md, and the README's table. */
export async function report(): Promise<{ page: string; highlights: string }> {
  const { existsSync, readdirSync } = await import("node:fs");
  const { join } = await import("node:path");
  const { projectRoot } = await import("../project.js");
  const { findings, predictions, readExperiment } = await import("../experiments/index.js");
  const { effectFigures, readEffects, readTable } = await import("../plot/effectFigures.js");
  const { gateFigures } = await import("../plot/keptBySource.js");
  const { armLabel } = await import("../plot/transfer.js");
  const folder = join(projectRoot, "experiments");
  const done: string[] = [];
  const open: string[] = [];
  const found = new Map<string, Finding[]>();
  const effects = new Map<string, SavedEffect[]>();
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()) {
    const experiment = readExperiment(join(folder, file));
    if (experiment.design !== "transfer") continue;
    const table = join(folder, "results", `${experiment.name}-effects.csv`);
    if (!existsSync(table)) {
      open.push(`- ${experiment.name}: ${experiment.title}`);
      continue;
    }
    const rows = (await readEffects(table)) as SavedEffect[];
    effects.set(experiment.name, rows);
    const own = findings(experiment.name, rows);
    found.set(experiment.name, own);
    const overlaps = join(folder, "results", `${experiment.name}-overlaps.csv`);
    const shared = existsSync(overlaps) ? await readTable<SavedOverlap>(overlaps) : [];
    const main = rows.filter(({ control }) => control === experiment.primaryControl);
    const foretold = experiment.name === "e8" ? predictions(main, shared) : [];
    const kept = join(folder, "results", `${experiment.name}-gates.csv`);
    const gates = existsSync(kept) ? await readTable<KeptGate>(kept) : [];
    const figures = { ...effectFigures(experiment.name, rows), ...gateFigures(experiment.name, gates) };
    done.push(section(experiment, rows, own, shared, foretold, Object.keys(figures)));
  }
  const parts = [
    intro,
    ...done,
    ...(open.length > 0 ? ["## Without results here", open.join("\n")] : []),
    further(found, effects),
  ];
  const highlights = `${highlightsTable(effects, armLabel, interval, holm)}\n\n${verdictCounts(found)}`;
  return { page: `${parts.join("\n\n")}\n`, highlights };
}

const intro = `# Results

Written by \`npx twotemp report\` from the tables in [experiments/results](../experiments/results); a test fails where this page
and the tables differ. An effect is the test accuracy of learned architectures minus that of a control, in points, with a 95 %
bootstrap interval over searches and retrainings; *p* is corrected by Holm for all comparisons of the experiment. Below zero the control is
better.

**Held** means that the whole interval lies beyond what is claimed and that the difference from zero survives Holm; **refuted**
that the whole interval lies on the other side, before Holm; **not refuted** is no proof of equality. Only what an experiment's file names is its hypothesis; every other row is descriptive. Hypotheses were
registered before the runs. How they are split into claims, and what *held* and *refuted* mean, was written after the tables of e1
and e3 and before all others.`;

type SavedOverlap = OverlapOf &
  Readonly<Record<"space" | "strategy" | "variant" | "other_space" | "other_strategy" | "other_variant", string>> & {
    readonly asked: number | null;
    readonly pairs: number;
  };

const signed = (x: number): string => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(1)}`;
const interval = ({ effect, low, high }: Pick<EffectOf, "effect" | "low" | "high">): string =>
  `${signed(effect)} [${signed(low)}, ${signed(high)}]`;
const holm = (p: number): string => (p < 0.001 ? "< 0.001" : p.toFixed(3));
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

function section(
  { name, title, registration, hypothesis, stoppingRule }: Experiment,
  rows: SavedEffect[],
  own: Finding<SavedEffect>[],
  shared: SavedOverlap[],
  foretold: Prediction[],
  figures: string[],
): string {
  const several = new Set(own.map(({ row }) => `${row.source} ${row.target}`)).size > 1;
  const tests = own.map(({ claim, row, verdict }) => [
    several ? `${claim.says}, ${row.source} to ${row.target}` : claim.says,
    row.control,
    interval(row),
    holm(row.pHolm),
    `**${verdict}**`,
  ]);
  const settings = (row: SavedEffect): string[] => [
    `${row.source} to ${row.target}`,
    `${(100 * row.density).toFixed(1)} %`,
    `${row.shots}`,
    row.strategy ?? "",
    row.variant ?? "",
  ];
  const all = rows.map((row) => [
    ...settings(row),
    row.control,
    row.learned.toFixed(1),
    interval(row),
    holm(row.pHolm),
  ]);
  const heads = ["pair", "kept", "shots", "strategy", "variant", "control", "learned, %", "effect", "p"];
  const parts = [
    `## ${name}: ${title}`,
    `${registration === "pre-registered" ? "Hypothesis, registered before the run" : "Exploratory"}: ${hypothesis ?? "nothing was claimed before the run."}${stoppingRule ? ` ${stoppingRule}` : ""}`,
    ...(tests.length > 0 ? [table(["claim", "control", "effect, 95 % interval", "p", "verdict"], tests)] : []),
    ...prediction(foretold),
    ...(hypothesis && tests.length + foretold.length === 0
      ? ["The table of effects holds no comparison that decides this hypothesis."]
      : []),
    ...(notes[name] ? [notes[name]] : []),
    ...negatives(name, rows),
    ...overlap(shared),
    ...(figures.length > 0
      ? [`Figures: ${figures.map((stem) => `[${stem}](../figures/${stem}.svg)`).join(", ")}.`]
      : []),
    `<details><summary>${rows.length === 1 ? "The one effect" : `All ${rows.length} effects`}</summary>\n\n${table(heads, all)}\n\n</details>`,
  ];
  return parts.join("\n\n");
}

/** How well the leads of held-out pairs were foretold. */
function prediction(foretold: readonly Prediction[]): string[] {
  if (foretold.length === 0) return [];
  const rows = foretold.map(({ predictor, error, gain, low, high }) => {
    const verdict = low > 0 ? "**held**" : high < 0 ? "**refuted**" : "**not shown**";
    const plain = predictor === "mean of the other pairs";
    return [predictor, error.toFixed(1), plain ? "" : interval({ effect: gain, low, high }), plain ? "" : verdict];
  });
  return [
    `Leads over the primary control at ${foretold[0].pairs} pairs of different source and target, each foretold from the others by a line on the predictor:`,
    table(["predictor", "mean absolute error, points", "gain over the mean, 95 % interval", "verdict"], rows),
  ];
}

/** Most rows of a page's table of overlaps. */
const longest = 60;

/** How much of their gates architectures share: of one setting, and of settings that differ in one thing. */
function overlap(rows: readonly SavedOverlap[]): string[] {
  const one = ["source", "space", "strategy", "variant"] as const;
  const different = (row: SavedOverlap): string[] =>
    one.filter((column) => row[column] !== row[`other_${column}`]).map((column) => String(row[`other_${column}`]));
  const close = rows.filter((row) => different(row).length <= 1);
  // Of many settings each alone: the table in experiments/results has every pair.
  const shown = close.length > longest ? rows.filter((row) => different(row).length === 0) : close;
  if (shown.length === 0) return [];
  const varying = one.filter((column) => new Set(rows.map((row) => row[column])).size > 1);
  const percent = (x: number): string => `${(100 * x).toFixed(0)} %`;
  const lines = shown.map((row) => [
    varying.map((column) => row[column]).join(", ") || row.source,
    row.asked === null ? "" : `${(100 * row.asked).toFixed(1)} %`,
    different(row)[0] ?? "its own other searches",
    percent(row.shared),
    percent(row.chance),
    row.pairs,
  ]);
  const head = ["architectures of", "kept", "and of", "share", "by chance", "pairs"];
  return [
    `<details><summary>How much of their gates architectures share</summary>\n\n${table(head, lines)}\n\n</details>`,
  ];
}

/** What a reader has to know beside the tables. */
const notes: Readonly<Record<string, string>> = {
  "e2-unit":
    "Not tested here: 3.1 and 1.0 % of the units, at which the table has no random architectures of equal cost.",
  e3: "Not tested here: what shuffled labels do to joint, episode and resample. The table compares each with reset only; the accuracies of both are in its rows.",
  e5: "The best of 46 had more than a search's compute: when this was run, steps of a search had become faster than when it was registered; a search took 45 s of processor time, scoring 46 architectures 83 s.",
};

/** What speaks against learned inputs in the setting of E1's hypothesis. */
function negatives(name: string, rows: readonly SavedEffect[]): string[] {
  if (name !== "e1") return [];
  const at = (control: string): SavedEffect | undefined =>
    rows.find(
      (row) =>
        row.control === control &&
        row.shots === 5 &&
        row.source === "emnist-letters:A-M" &&
        row.density.toFixed(4) === "0.0497",
    );
  const names = ["full", "fine-tuned", "linear-probe", "small-parameters", "snip", "inverted"];
  const others = names.map(at).filter((row) => row !== undefined);
  return [
    "The other controls in the same setting; a negative effect says that the control is ahead:",
    table(
      ["control", "effect, 95 % interval", "p"],
      others.map((row) => [row.control, interval(row), holm(row.pHolm)]),
    ),
  ];
}

/** How all claims fared, in a sentence. */
function verdictCounts(found: ReadonlyMap<string, readonly Finding[]>): string {
  const judged = [...found.values()].filter((own) => own.length > 0);
  const counts = new Map<string, number>();
  for (const { verdict } of judged.flat()) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const all = [...counts].map(([verdict, count]) => `${count} ${verdict}`).join("; ");
  return `In the ${judged.length} experiments with registered claims, a verdict for each claim and control: ${all}.`;
}

/** Ideas with what was seen so far. */
function further(
  found: ReadonlyMap<string, readonly Finding[]>,
  effects: ReadonlyMap<string, readonly SavedEffect[]>,
): string {
  const seen = (name: string, control: string): string => {
    const claimed = found.get(name)?.find((finding) => finding.row.control === control)?.row;
    const row = claimed ?? effects.get(name)?.find((effect) => effect.control === control);
    return row ? interval(row) : "not measured";
  };
  const ideas: readonly [string, string][] = [
    [
      "Adam in place of the adaptive update",
      `the default minus Adam is ${seen("e4", "variant adam")} points on digits and ${seen("e4-letters", "variant adam")} on letters: is there a task where it is better?`,
    ],
    [
      "Longer searches, at the final density at once",
      `the default minus them was ${seen("ideas", "variant decay0-steps3000")} points when ideas were screened on digits, and was then registered: ${seen("longer", "variant longer")} on letters, and not ahead on three other pairs (longer).`,
    ],
    [
      "Mirror descent",
      `the default minus the mirror update is ${seen("e4", "variant mirror")} points; the interval is too wide to choose.`,
    ],
    [
      "More source examples",
      `all source examples minus 100 is ${seen("e4", "variant examples100")} points, minus 300 ${seen("e4", "variant examples300")}, minus 1000 ${seen("e4", "variant examples1000")} on digits; minus 300 ${seen("e4-letters", "variant examples300")} on letters: where does it level off?`,
    ],
    ["Fewer resets", `reset minus fixed weights is ${seen("e3", "strategy fixed")}: how many resets are enough?`],
    [
      "What shuffled labels still find",
      `true minus shuffled labels is only ${seen("e3", "variant shuffled-labels")} for reset: how much of a mask is the inputs' distribution?`,
    ],
    [
      "Learned gates times deviation",
      `learned minus magnitude times deviation is ${seen("e1", "magnitude-deviation")} on letters; compare the digits in the table of e1: when does the simple score do?`,
    ],
    [
      "Operations searched by episodes",
      `the one space where the learned architecture is ahead of the full network, with a ridge head (${seen("e5", "full")}; with all weights trained ${seen("e5-tuned", "full")}); learned minus the best of many random ones by the same score is ${seen("e5", "best-random")}: is it the gradient that helps, or the score?`,
    ],
  ];
  return `## Go further\n\n${ideas.map(([idea, what]) => `- **${idea}**: ${what}`).join("\n")}`;
}
