import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tt from "../lib/index.js";
import { TensorAccumulators } from "../lib/relaxation/accumulators.js";
import { TensorRelaxation } from "../lib/relaxation/tensorRelaxation.js";
import { Price } from "../lib/search/price.js";
import { Search } from "../lib/search/search.js";
import type { WeightStrategy } from "../lib/search/strategies/index.js";
import { milliseconds } from "./clock.js";
import { processorName } from "./processor.js";
import { workloads } from "./workloads/index.js";

/** Workloads whose gates are weights, with how many steps are timed. */
const profiled: Readonly<Record<string, number>> = { mlp: 640, vgg: 16 };

const parts = {
  evaluate: "network forward and backward, gates' gradient",
  train: "weights' optimiser",
  weigh: "price of complexity",
  measure: "size of the gates' gradient",
  update: "update of the logits, and what the same op does",
  sums: "the certificate's sums",
  gates: "opening the gates",
  rest: "the rest, most of it JavaScript",
} as const;
type Part = keyof typeof parts;

/** Times of calls inside a step, each without those of the calls inside it. */
class Stopwatch {
  readonly spent = new Map<Part, number>();
  private running: Part[] = [];
  private since = performance.now();

  /** Makes a method of an object count as a part. */
  watch(owner: object, method: string, part: Part): void {
    const methods = owner as Record<string, (...given: unknown[]) => unknown>;
    const plain = methods[method];
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const watch = this;
    methods[method] = function (...given: unknown[]): unknown {
      return watch.time(part, () => plain.apply(this, given));
    };
  }

  time<T>(part: Part, work: () => T): T {
    this.book();
    this.running.push(part);
    try {
      return work();
    } finally {
      this.book();
      this.running.pop();
    }
  }

  private book(): void {
    const now = performance.now();
    const part = this.running.at(-1);
    if (part) this.spent.set(part, (this.spent.get(part) ?? 0) + now - this.since);
    this.since = now;
  }
}

/** Milliseconds of each part of a step, and of a masked one. */
async function profile(name: string, steps: number): Promise<{ spent: ReadonlyMap<Part, number>; masked: number }> {
  const masked = await workloads[name].phases.masked();
  await masked.run(4);
  const maskedMs = (await milliseconds("wall", () => masked.run(steps))) / steps;
  masked.dispose();

  const search = await workloads[name].phases.step();
  await search.run(16);
  stopwatch.spent.clear();
  await search.run(steps);
  search.dispose();
  return { spent: new Map([...stopwatch.spent].map(([part, ms]) => [part, ms / steps])), masked: maskedMs };
}

const stopwatch = new Stopwatch();

/** Where the time of a search's step goes for the workloads whose relaxation costs more than is wanted; wall clock, one thread. */
async function main(): Promise<void> {
  await tt.ready({ engine: "tensorflow", threads: 1 });
  stopwatch.watch(Search.prototype, "advance", "rest");
  stopwatch.watch(Price.prototype, "weigh", "weigh");
  stopwatch.watch(TensorRelaxation.prototype, "step", "update");
  stopwatch.watch(TensorRelaxation.prototype, "gates", "gates");
  stopwatch.watch(TensorAccumulators.prototype, "add", "sums");
  stopwatch.watch(TensorAccumulators, "measure", "measure");
  const reset = tt.weightStrategies.reset;
  Object.assign(tt.weightStrategies, { reset: (...given: Parameters<typeof reset>) => watched(reset(...given)) });

  const results = join(__dirname, "..", "..", "bench", "results");
  const { machine } = JSON.parse(readFileSync(join(results, "scaling.json"), "utf8")) as {
    machine: { processor: string; gigabytes: number };
  };
  const sameMachine = machine.processor === processorName();
  const memory = sameMachine ? `; the memory moves ${machine.gigabytes.toFixed(1)} GB/s (results/scaling.json)` : "";
  const rows: string[] = [];
  for (const [name, steps] of Object.entries(profiled)) {
    const { spent, masked } = await profile(name, steps);
    const whole = [...spent.values()].reduce((sum, ms) => sum + ms, 0);
    const row = (what: string, ms: number): string =>
      `| ${what} | ${ms.toFixed(ms < 10 ? 2 : 0)} | ${(100 * (ms / whole)).toFixed(0)} % |`;
    rows.push(`## ${workloads[name].title}`, "", "| part | ms a step | share |", "| --- | ---: | ---: |");
    for (const part of Object.keys(parts) as Part[]) {
      // What the update's op does has no time of its own.
      const ms = spent.get(part) ?? 0;
      if (ms >= 0.02) rows.push(row(parts[part], ms));
    }
    rows.push(row("a step", whole), row("a masked step", masked), "");
  }
  const page = [
    "# Where a search's step goes",
    "",
    `Wall clock, one thread, ${processorName()}${memory}.`,
    "`node dist/bench/profile.js` makes the tables again.",
    "",
    ...rows,
  ];
  writeFileSync(join(results, "profile.md"), page.join("\n"));
  console.log(page.join("\n"));
}

function watched(strategy: WeightStrategy): WeightStrategy {
  const { evaluate } = strategy;
  strategy.evaluate = (step, gates) => {
    const evaluation = stopwatch.time("evaluate", () => evaluate.call(strategy, step, gates));
    const { train } = evaluation;
    return { ...evaluation, ...(train && { train: (taken) => stopwatch.time("train", () => train(taken)) }) };
  };
  return strategy;
}

void main();
