import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { ready } from "../../lib/engine/index.js";
import {
  effectRows,
  inlineRunner,
  parseExperiment,
  planExperiment,
  poolRunner,
  resultRows,
  rowsToDataFrame,
  runExperiment,
  RunStore,
  saveTables,
} from "../../lib/experiments/index.js";
import { Search } from "../../lib/search/search.js";
import { emptyFolder, recordBytes } from "./support.js";

const experiment = parseExperiment({
  format: "twotemp-experiment",
  formatVersion: 1,
  name: "small",
  title: "a small transfer",
  registration: "exploratory",
  design: "transfer",
  pairs: [{ source: "digits:0-4", target: "digits:5-9" }],
  spaces: [{ name: "pixels", space: { model: { builder: "mlp", hidden: [8] }, gates: "input" } }],
  strategies: ["reset"],
  variants: [{ name: "short", search: { steps: 60, batch: 16, redrawEvery: 20 } }],
  densities: [0.25],
  arms: ["random", "full"],
  shots: [2],
  seeds: { search: 2 },
  retraining: {
    retrainings: 3,
    randomCount: 3,
    steps: 20,
    learningRates: [0.003, 0.01],
    tuningTasks: 1,
    training: { steps: 20, batch: 16, stepSize: 0.003 },
  },
});

describe("a transfer experiment", { timeout: 600_000 }, () => {
  before(async () => void (await ready({ threads: 1 })));

  test("runs whole: searches, transfers, effects; in a pool the same bytes as in this process", async (context) => {
    const folders = [emptyFolder(context), emptyFolder(context)];
    for (const [i, store] of folders.entries()) {
      const runner = i === 0 ? inlineRunner() : poolRunner({ workers: 2 });
      const summary = await runExperiment(experiment, { store, runner });
      assert.deepEqual([summary.done, summary.failed, summary.blocked], [3, 0, 0]);
    }
    assert.deepEqual(recordBytes(folders[1]), recordBytes(folders[0]));
    const store = new RunStore(folders[0], { readOnly: true });
    const plan = planExperiment(experiment);
    const rows = resultRows(plan, store);
    // Two learned, three random and one full architecture, each retrained three times.
    assert.equal(rows.length, 3 * (2 + 3 + 1));
    assert.ok(rows.every(({ accuracy }) => (accuracy as number) >= 0 && (accuracy as number) <= 1));
    assert.deepEqual((await rowsToDataFrame(rows)).shape, [rows.length, Object.keys(rows[0]).length]);
    // One reading of the test examples for the whole comparison, and it is in the record.
    const [{ testReads }] = plan
      .filter(({ task }) => task.kind === "transfer")
      .map(({ task }) => store.get(task.id)?.result as { testReads: object });
    assert.deepEqual(testReads, [{ dataset: "digits:5-9", examples: 896 }]);
    const tables = emptyFolder(context);
    const [saved, again] = [0, 1].map(() =>
      saveTables(experiment, plan, store, tables).map((path) => readFileSync(path, "utf8")),
    );
    assert.deepEqual(again, saved);
    assert.deepEqual(readdirSync(tables).sort(), [
      "small-effects.csv",
      "small-gates.csv",
      "small-overlaps.csv",
      "small-searches.csv",
      "small-variance.csv",
      "small.csv",
    ]);
    const effects = effectRows(rows);
    assert.deepEqual(
      effects.map(({ control }) => control),
      ["random", "full"],
    );
    assert.ok(effects.every(({ searches, retrainings }) => searches === 2 && retrainings === 3));
    const searches = resultRows(plan, store, { kind: "search" });
    assert.deepEqual(
      searches.map(({ seed, kept, holds }) => [seed, kept, holds]),
      [
        [0, 16, true],
        [1, 16, true],
      ],
    );
  });

  test("a search that is stopped goes on from where it was, to the same bytes", async (context) => {
    const [clean, folder] = [emptyFolder(context), emptyFolder(context)];
    await runExperiment(experiment, { store: clean, runner: inlineRunner() });
    const controller = new AbortController();
    const { advance } = Search.prototype;
    context.mock.method(Search.prototype, "advance", function (this: Search) {
      const step = advance.call(this);
      if (this.step === 30) controller.abort();
      return step;
    });
    const { signal } = controller;
    const stopped = await runExperiment(experiment, { store: folder, runner: inlineRunner(), signal });
    assert.deepEqual([stopped.stopped, stopped.done], [true, 0]);
    assert.equal(readdirSync(join(folder, "scratch")).length, 1, "a checkpoint is left");
    const whole = await runExperiment(experiment, { store: folder, runner: inlineRunner() });
    assert.equal(whole.done, 3);
    assert.deepEqual(recordBytes(folder), recordBytes(clean));
  });
});
