import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeBrowser } from "../lib/plot/index.js";
import { makeFigure, type Figure } from "../lib/plot/figure.js";
import { saveFigure } from "../lib/plot/stills.js";
import { palette } from "../lib/plot/style.js";
import { type PeerName, peers } from "./peers.js";
import type { Row } from "./run.js";
import { workloads } from "./workloads/index.js";

type Compared = Row & { readonly ratio: number; readonly low: number; readonly high: number };

const compared = (rows: readonly Row[]): Compared[] => rows.filter((row): row is Compared => row.ratio !== null);

const digits = (milliseconds: number): string =>
  milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0);

const processorsOf = (rows: readonly Row[]): string[] => [...new Set(rows.map((row) => row.processor))];

/** The rows as Markdown, a table for each processor and peer. */
export function markdown(rows: readonly Row[]): string {
  const beside = (peer: PeerName): Compared[] => compared(rows).filter((row) => row.peer === peer);
  return (Object.keys(peers) as PeerName[])
    .flatMap((peer) =>
      processorsOf(beside(peer)).map((processor) => {
        const own = beside(peer).filter((row) => row.processor === processor);
        return `${processor}, beside ${peers[peer].title}:\n\n${table(own)}`;
      }),
    )
    .join("\n");
}

function table(rows: readonly Compared[]): string {
  const lines = rows.map(
    ({ workload, phase, engine, oursMs, peerMs, ratio, low, high }) =>
      `| ${workloads[workload].title} | ${phase} | ${engine} | ${digits(oursMs)} | ${digits(peerMs!)} | ` +
      `**${ratio.toFixed(2)}** (${low.toFixed(2)} to ${high.toFixed(2)}) |`,
  );
  return [
    "| workload | phase | engine | ours, ms | peer, ms | ratio (10th to 90th percentile of rounds) |",
    "| --- | --- | --- | ---: | ---: | --- |",
    ...lines,
    "",
  ].join("\n");
}

/** What phases are called in the figure where the tables have one word. */
const phaseNames: Readonly<Record<string, string>> = {
  masked: "fixed gates",
  step: "search step",
  search: "whole search",
};

/** The ratios beside PyTorch as a figure, a line for each processor: left of the vertical one we are faster. */
export function ratioFigure(rows: readonly Row[]): Figure {
  const shown = compared(rows).filter((row) => row.peer === "pytorch");
  const name = ({ workload, phase }: Row): string => `${workloads[workload].short}: ${phaseNames[phase] ?? phase}`;
  const names = [...new Set(shown.map(name))];
  const processors = processorsOf(shown);
  const engines = [...new Set(shown.map(({ engine }) => engine))];
  const groups = processors.flatMap((processor, p) => engines.map((engine, e) => ({ processor, p, engine, e })));
  // Of a row's height, so that the last processor of one row stays clear of the first of the next.
  const apart = 0.66 / processors.length;
  const colours = [palette.blue, palette.red];
  const symbols = ["circle", "diamond", "square"];
  return makeFigure({
    title: "Time beside PyTorch, on the same threads",
    subtitle: "ours over PyTorch's; median and 10th to 90th percentile of alternating rounds; below 1 we are faster",
    data: groups.map(({ processor, p, engine, e }) => {
      const own = shown.filter((row) => row.processor === processor && row.engine === engine);
      return {
        type: "scatter",
        mode: "markers",
        name: `${engine === "wasm" ? "WebAssembly" : "native"}, ${processor.replace(/\(R\)| Processor/g, "")}`,
        x: own.map((row) => row.ratio),
        y: own.map((row) => names.indexOf(name(row)) + apart * (p - (processors.length - 1) / 2)),
        error_x: {
          type: "data",
          symmetric: false,
          array: own.map((row) => row.high - row.ratio),
          arrayminus: own.map((row) => row.ratio - row.low),
        },
        marker: { color: colours[e % colours.length], symbol: symbols[p % symbols.length], size: 8 },
      };
    }),
    layout: {
      height: 200 + (10 + 9 * processors.length) * names.length,
      xaxis: { type: "log", title: { text: "ratio of times" }, tickvals: [0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7] },
      yaxis: {
        automargin: true,
        range: [names.length - 0.5, -0.5],
        tickvals: names.map((_, i) => i),
        ticktext: names,
      },
      legend: { orientation: "h", x: 0, xanchor: "left", y: -0.09, yanchor: "top" },
      shapes: [{ type: "line", x0: 1, x1: 1, yref: "paper", y0: 0, y1: 1, line: { width: 1, dash: "dot" } }],
    },
    table: {
      columns: ["processor", "workload", "phase", "engine", "ours ms", "peer ms", "ratio", "low", "high"],
      rows: shown.map((row) => [
        row.processor,
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
