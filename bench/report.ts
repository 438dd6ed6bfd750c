import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeBrowser } from "../lib/plot/index.js";
import { makeFigure, type Figure } from "../lib/plot/figure.js";
import { saveFigure } from "../lib/plot/stills.js";
import { palette } from "../lib/plot/style.js";
import type { Row } from "./run.js";
import { workloads } from "./workloads/index.js";

type Compared = Row & { readonly ratio: number; readonly low: number; readonly high: number };

const compared = (rows: readonly Row[]): Compared[] => rows.filter((row): row is Compared => row.ratio !== null);

const digits = (milliseconds: number): string =>
  milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0);

/** The rows as a Markdown table. */
export function markdown(rows: readonly Row[]): string {
  const lines = compared(rows).map(
    ({ workload, phase, engine, oursMs, peerMs, ratio, low, high }) =>
      `| ${workloads[workload].title} | ${phase} | ${engine} | ${digits(oursMs)} | ${digits(peerMs!)} | ` +
      `**${ratio.toFixed(2)}** (${low.toFixed(2)} to ${high.toFixed(2)}) |`,
  );
  return [
    "| workload | phase | engine | ours, ms | PyTorch, ms | ratio (10th to 90th percentile of rounds) |",
    "| --- | --- | --- | ---: | ---: | --- |",
    ...lines,
    "",
  ].join("\n");
}

/** The ratios as a figure: left of the line we are faster. */
export function ratioFigure(rows: readonly Row[]): Figure {
  const shown = compared(rows).reverse();
  const engines = [...new Set(shown.map((row) => row.engine))];
  const colours = [palette.blue, palette.red];
  const name = ({ workload, phase }: Row): string => `${workload}, ${phase}`;
  return makeFigure({
    title: "Time beside PyTorch, on the same threads",
    subtitle: "ours over PyTorch's; median and 10th to 90th percentile of alternating rounds; below 1 we are faster",
    data: engines.map((engine, e) => {
      const own = shown.filter((row) => row.engine === engine);
      return {
        type: "scatter",
        mode: "markers",
        name: engine,
        x: own.map((row) => row.ratio),
        y: own.map(name),
        error_x: {
          type: "data",
          symmetric: false,
          array: own.map((row) => row.high - row.ratio),
          arrayminus: own.map((row) => row.ratio - row.low),
        },
        marker: { color: colours[e % colours.length], size: 8 },
      };
    }),
    layout: {
      height: 140 + 22 * shown.length,
      xaxis: { type: "log", title: { text: "ratio of times" }, tickvals: [0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7] },
      // In the table's order, whichever engine a row was measured on.
      yaxis: { automargin: true, categoryarray: [...new Set(compared(rows).map(name))].reverse() },
      shapes: [{ type: "line", x0: 1, x1: 1, yref: "paper", y0: 0, y1: 1, line: { width: 1, dash: "dot" } }],
    },
    table: {
      columns: ["workload", "phase", "engine", "ours ms", "peer ms", "ratio", "low", "high"],
      rows: shown.map((row) => [
        row.workload,
        row.phase,
        row.engine,
        row.oursMs,
        row.peerMs,
        row.ratio,
        row.low,
        row.high,
      ]),
    },
  });
}

/** Writes the table and the figure beside the JSON. */
export async function report(rows: readonly Row[], folder: string): Promise<void> {
  writeFileSync(join(folder, "latest.md"), markdown(rows));
  const { missing } = await saveFigure(ratioFigure(rows), join(folder, "latest"));
  if (missing) console.log(missing);
  await closeBrowser();
}
