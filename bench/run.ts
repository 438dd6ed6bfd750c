import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { median, quantile } from "simple-statistics";
import { positiveNumber, wholeNumber } from "../lib/cli/options.js";
import { commandOf, install, type PeerName, peers, pythonOf } from "./peers.js";
import { processorName } from "./processor.js";
import { report } from "./report.js";
import { type Clock, Side } from "./side.js";
import { workloads } from "./workloads/index.js";

/** One row of `bench/results/latest.json`; the ratio is ours over the peer's, so below 1 we are faster. */
export interface Row {
  readonly workload: string;
  readonly phase: string;
  readonly engine: string;
  readonly threads: number;
  readonly oursMs: number;
  readonly peer: PeerName | null;
  readonly peerMs: number | null;
  readonly ratio: number | null;
  /** The 10th and 90th percentile of the ratios of the rounds. */
  readonly low: number | null;
  readonly high: number | null;
  readonly clock: Clock;
  readonly processor: string;
  /** Peak resident memory of each process, in MiB. */
  readonly oursPeakMiB: number;
  readonly peerPeakMiB: number | null;
}

const results = join(__dirname, "..", "..", "bench", "results");
const processor = processorName();

interface Measured {
  readonly oursPeak: number;
  readonly peerPeak: number | undefined;
  readonly ours: number;
  readonly peer: number | undefined;
  readonly ratios: readonly number[];
}

/** Longest that the rounds of one phase may take, in seconds; at least three are run. */
const patience = 60;

/** Rounds in turn, ours then the peer's, each of about `seconds`, after a warm-up. */
async function measure(
  ours: Side,
  peer: Side | undefined,
  { rounds, seconds, clock }: { rounds: number; seconds: number; clock: Clock },
): Promise<Measured> {
  const warmUp = async (side: Side): Promise<{ once: number; iterations: number }> => {
    const first = await side.time(1, clock);
    const once = first > 5000 ? first : Math.min(await side.time(1, clock), await side.time(1, clock));
    const iterations = Math.max(1, Math.round((seconds * 1000) / once));
    if (iterations > 1) await side.time(iterations, clock);
    return { once, iterations };
  };
  const [own, other] = [await warmUp(ours), peer && (await warmUp(peer))];
  const round = own.once * own.iterations + (other ? other.once * other.iterations : 0);
  const times: { ours: number; peer: number | undefined }[] = [];
  for (let r = 0; r < Math.max(3, Math.min(rounds, (patience * 1000) / round)); r++) {
    times.push({
      ours: await ours.time(own.iterations, clock),
      peer: other && (await peer!.time(other.iterations, clock)),
    });
  }
  const peak = async (side: Side): Promise<number> => {
    return (await side.ask<{ peakBytes: number }>({ memory: true })).peakBytes / 2 ** 20;
  };
  return {
    oursPeak: await peak(ours),
    peerPeak: peer && (await peak(peer)),
    ours: median(times.map((time) => time.ours)),
    peer: peer && median(times.map((time) => time.peer!)),
    ratios: times.flatMap((time) => (time.peer === undefined ? [] : [time.ours / time.peer])),
  };
}

function row(
  workload: string,
  phase: string,
  engine: string,
  { threads, clock, peer: name }: { threads: number; clock: Clock; peer: PeerName },
  measured: Measured,
): Row {
  const { ours, peer, ratios } = measured;
  const some = ratios.length > 0;
  return {
    workload,
    phase,
    engine,
    threads,
    oursMs: ours,
    peer: some ? name : null,
    peerMs: peer ?? null,
    ratio: some ? median([...ratios]) : null,
    low: some ? quantile([...ratios], 0.1) : null,
    high: some ? quantile([...ratios], 0.9) : null,
    clock,
    processor,
    oursPeakMiB: Math.round(measured.oursPeak),
    peerPeakMiB: measured.peerPeak === undefined ? null : Math.round(measured.peerPeak),
  };
}

function line(cells: readonly (string | number | null)[]): string {
  const widths = [12, 10, 12, 8, 11, 11, 7, 13];
  const text = (cell: string | number | null): string =>
    cell === null ? "-" : typeof cell === "number" ? cell.toFixed(cell < 10 ? 3 : 1) : cell;
  return cells.map((cell, i) => (i < 3 ? text(cell).padEnd(widths[i]) : text(cell).padStart(widths[i]))).join(" ");
}

/** A reader of names with commas between them. */
function namesOf(known: readonly string[]): (text: string) => string[] {
  return (text) => {
    const names = text.split(",");
    const strange = names.find((name) => !known.includes(name));
    if (strange === undefined) return names;
    throw new InvalidArgumentError(`There is no "${strange}": use ${known.join(", ")}.`);
  };
}

interface Settings {
  readonly peer: PeerName;
  readonly install?: boolean;
  readonly workloads?: readonly string[];
  readonly phases?: readonly string[];
  readonly engine: string;
  readonly threads: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly clock: Clock;
}

function readSettings(): Settings {
  const names = Object.keys(workloads);
  const phases = [...new Set(Object.values(workloads).flatMap((workload) => Object.keys(workload.phases)))];
  const command = new Command("npm run bench --")
    .description("Times this library beside a twin.")
    .addOption(
      new Option("--peer <peer>", "what the twin is written in").choices(Object.keys(peers)).default("pytorch"),
    )
    .option("--install", "first installs the peer into a folder of build")
    .option("--workloads <names>", `of ${names.join(",")}; all by default`, namesOf(names))
    .option("--phases <names>", `of ${phases.join(",")}; all of a workload's by default`, namesOf(phases))
    .addOption(new Option("--engine <engine>").choices(["tensorflow", "wasm", "cpu"]).default("tensorflow"))
    .option("--threads <number>", "of both sides", wholeNumber, 1)
    .option("--rounds <number>", "at most", wholeNumber, 9)
    .option("--seconds <number>", "of each side in a round", positiveNumber, 0.4)
    .addOption(
      new Option("--clock <clock>", "time on the wall, or of the processor").choices(["wall", "cpu"]).default("wall"),
    )
    .parse();
  const settings = command.opts<Settings>();
  const { only } = peers[settings.peer];
  for (const what of ["workloads", "phases"] as const) {
    const strange = only && settings[what]?.find((name) => !only[what].includes(name));
    if (strange) command.error(`error: ${settings.peer}'s twin has no "${strange}": use ${only![what].join(",")}`);
  }
  return settings;
}

async function main(): Promise<void> {
  const settings = readSettings();
  const { threads } = settings;
  const other = peers[settings.peer];
  if (settings.install) install(other);
  const withPeer = existsSync(pythonOf(other));
  if (!withPeer) {
    const how = `npm run bench -- --peer ${settings.peer} --install`;
    console.log(`without ${other.title}: \`${how}\` sets the twin up (${other.gigabytes} GB)`);
  }
  console.log(`${processor}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; ${threads} thread(s)`);
  console.log(line(["workload", "phase", "engine", "threads", "ours ms", "peer ms", "ratio", "10-90 %"]));

  const rows: Row[] = [];
  for (const workload of settings.workloads ?? other.only?.workloads ?? Object.keys(workloads)) {
    const wanted = settings.phases ?? other.only?.phases;
    const phases = Object.keys(workloads[workload].phases).filter((phase) => !wanted || wanted.includes(phase));
    for (const phase of phases) {
      // Fresh processes, so that memory and caches of one workload don't weigh on the next.
      const ours = new Side(process.execPath, [join(__dirname, "ours.js"), settings.engine, String(threads)]);
      const peer = withPeer ? new Side(...commandOf(other, threads)) : undefined;
      const { engine } = await ours.read<{ engine: string }>();
      await peer?.read();
      await ours.ask({ open: workload, phase });
      await peer?.ask({ open: workload, phase });
      const measured = await measure(ours, peer, settings);
      const made = row(workload, phase, engine, settings, measured);
      rows.push(made);
      const spread = made.low === null ? null : `${made.low.toFixed(2)}-${made.high!.toFixed(2)}`;
      console.log(line([workload, phase, engine, String(threads), made.oursMs, made.peerMs, made.ratio, spread]));
      ours.end();
      peer?.end();
    }
  }
  await report(write(rows), results);
}

/** Replaces the rows that were measured again on this processor and keeps the others; returns all. */
function write(rows: readonly Row[]): Row[] {
  mkdirSync(results, { recursive: true });
  const file = join(results, "latest.json");
  const key = (row: Row): string =>
    [row.workload, row.phase, row.engine, row.threads, row.processor, row.peer].join(" ");
  const old = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Row[]) : [];
  const again = new Set(rows.map(key));
  const order = Object.keys(workloads);
  const phase = (row: Row): number => Object.keys(workloads[row.workload]?.phases ?? {}).indexOf(row.phase);
  const all = [...old.filter((row) => !again.has(key(row))), ...rows].sort(
    (a, b) =>
      a.processor.localeCompare(b.processor) ||
      a.engine.localeCompare(b.engine) ||
      order.indexOf(a.workload) - order.indexOf(b.workload) ||
      phase(a) - phase(b),
  );
  writeFileSync(file, `${JSON.stringify(all, null, 1)}\n`);
  return all;
}

void main();
