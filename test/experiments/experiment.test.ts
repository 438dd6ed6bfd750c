import assert from "node:assert/strict";
import { appendFileSync, cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { ready } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import {
  effectRows,
  inlineRunner,
  parseExperiment,
  planExperiment,
  readExperiment,
  resultRows,
  rowsToCsv,
  rowsToDataFrame,
  rowsToJsonLines,
  varianceRows,
  runExperiment,
  experimentStatus,
  RunStore,
  type Row,
} from "../../lib/experiments/index.js";
import { codeVersion, essence, importedModules } from "../../lib/experiments/version.js";
import { makeRecord } from "../../lib/experiments/record.js";
import { type Runner, withTries } from "../../lib/experiments/runner.js";
import { executeTask, makeTask, taskId } from "../../lib/experiments/task.js";
import { projectRoot } from "../../lib/project.js";
import { emptyFolder, stamp, walks } from "./support.js";
import { busy } from "../support.js";

const header = {
  format: "twotemp-experiment",
  formatVersion: 1,
  name: "small",
  title: "a few runs",
  registration: "exploratory",
};

const testbed = {
  ...header,
  design: "testbed",
  updates: ["mirror"],
  temperatures: [{ cold: 0.05, hot: 0.5 }],
  gateCount: 6,
  steps: 20,
  seeds: 3,
};

const transfer = {
  ...header,
  design: "transfer",
  sources: ["digits:0-4", "digits:0-3"],
  targets: ["digits:5-9"],
  spaces: [{ name: "pixels", space: { model: { builder: "mlp", hidden: [8] }, gates: "input" } }],
  strategies: ["reset", "fixed"],
  densities: [0.1, 0.2],
  arms: ["random"],
  shots: [1, 5],
  seeds: { search: [3, 4, 5] },
};

const code = (expected: string, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TwotempError, String(error));
  assert.equal(error.code, expected);
  assert.doesNotMatch(error.message, /\n/);
  if (message) assert.match(error.message, message);
  return true;
};

describe("experiments", () => {
  test("expand into tasks, each once, that are the same tasks every time", () => {
    const plan = planExperiment(parseExperiment(testbed));
    assert.equal(plan.length, 3);
    assert.deepEqual(planExperiment(parseExperiment(structuredClone(testbed))), plan);
    for (const { task } of plan) assert.equal(taskId(task), task.id);
    const twice = planExperiment(parseExperiment({ ...testbed, updates: ["mirror", "mirror"], seeds: [0, 1, 1] }));
    assert.deepEqual(
      twice.map(({ task }) => task.id),
      plan.slice(0, 2).map(({ task }) => task.id),
    );
  });

  test("a transfer experiment: searches, then transfers that need all of theirs", async () => {
    await ready();
    const plan = planExperiment(parseExperiment(transfer));
    const searches = plan.filter(({ task }) => task.kind === "search");
    const transfers = plan.filter(({ task }) => task.kind === "transfer");
    assert.deepEqual([searches.length, transfers.length], [2 * 2 * 2 * 3, 2 * 2 * 2]);
    for (const { task, labels } of transfers) {
      const needed = searches.filter(({ task: { id } }) => task.needs.includes(id));
      assert.deepEqual(
        needed.map((each) => each.labels.seed),
        [3, 4, 5],
      );
      for (const each of needed) {
        for (const key of ["source", "strategy", "density"]) assert.equal(each.labels[key], labels[key]);
      }
    }
  });

  test("what settings share is called by the first of them; comparisons that are the same are refused", async () => {
    await ready();
    const [{ space }] = transfer.spaces;
    const wider = { model: { builder: "mlp", hidden: [9] }, gates: "input" };
    const spaces = [
      { name: "own", space },
      { name: "wider", space, retrained: wider },
    ];
    const plan = planExperiment(parseExperiment({ ...transfer, spaces }));
    const names = (kind: string): unknown[] => [
      ...new Set(plan.filter(({ task }) => task.kind === kind).map(({ labels }) => labels.space)),
    ];
    assert.deepEqual([names("search"), names("transfer")], [["own"], ["own", "wider"]]);
    const variants = [
      { name: "default", search: {} },
      { name: "cold", search: { coldTemperature: 0.05 } },
    ];
    assert.throws(
      () => planExperiment(parseExperiment({ ...transfer, variants })),
      code("experiments/experiment", /default .*cold.* are the same transfer: leave one out/),
    );
  });

  test("pairs have densities and arms of their own, and the best of random ones tasks of its own", async () => {
    await ready();
    const plan = planExperiment(
      parseExperiment({
        ...transfer,
        sources: undefined,
        targets: undefined,
        strategies: ["reset"],
        densities: [0.1],
        pairs: [
          { source: "digits:0-4", target: "digits:5-9" },
          { source: "digits:0-3", target: "digits:5-9", densities: [0.2, 0.3], arms: ["full"] },
        ],
        bestOf: { architectures: 4, searches: 2 },
        spaces: [{ ...transfer.spaces[0], retrained: { model: { builder: "mlp", hidden: [9] }, gates: "input" } }],
      }),
    );
    const of = (kind: string): typeof plan => plan.filter(({ task }) => task.kind === kind);
    assert.deepEqual([of("search").length, of("best-random").length, of("transfer").length], [9, 6, 3]);
    assert.deepEqual(
      of("transfer").map(({ labels, task: { settings } }) => [labels.asked, (settings as { arms: string[] }).arms]),
      [
        [0.1, ["random"]],
        [0.2, ["full"]],
        [0.3, ["full"]],
      ],
    );
    for (const { task } of of("transfer")) {
      assert.equal(task.needs.length, 3 + 2);
      const { rivals, space } = task.settings as { rivals: object[]; space: { model: { hidden: number[] } } };
      assert.deepEqual(rivals, [{ arm: "best-random", architectures: 2 }]);
      assert.deepEqual(space.model.hidden, [9]);
    }
  });

  test("spelling a default out changes no task, changing a setting does", async () => {
    await ready();
    const ids = (changes: object): string[] =>
      planExperiment(parseExperiment({ ...transfer, ...changes })).map(({ task }) => task.id);
    const plain = ids({});
    assert.deepEqual(ids({ variants: [{ name: "default", search: { steps: 2000, batch: 64 } }] }), plain);
    assert.deepEqual(ids({ title: "another", hypothesis: "none" }), plain);
    const other = ids({ variants: [{ name: "default", search: { steps: 1000 } }] });
    assert.equal(other.filter((id) => plain.includes(id)).length, 0);
  });

  test("the hash is that of the content, whatever its spelling", () => {
    const { hash } = parseExperiment(testbed);
    assert.equal(parseExperiment(Object.fromEntries(Object.entries(testbed).reverse())).hash, hash);
    assert.notEqual(parseExperiment({ ...testbed, title: "another" }).hash, hash);
  });

  test("refuses what it can't take, in one line that names it", () => {
    const bad: [unknown, RegExp][] = [
      [null, /expected an object/],
      [[], /expected an object/],
      [{ ...testbed, seeds: 0 }, /seeds/],
      [{ ...testbed, seeds: [1.5] }, /seeds/],
      [{ ...testbed, colour: "red" }, /colour/],
      [{ ...testbed, design: "magic" }, /unknown design "magic"; known: .*testbed/],
      [{ ...testbed, format: "csv" }, /format/],
      [{ ...testbed, formatVersion: 2 }, /formatVersion/],
      [{ ...testbed, name: "../escape" }, /name/],
      [{ ...testbed, temperatures: [{ cold: -1, hot: 1 }] }, /temperatures.0.cold/],
      [{ ...testbed, registration: "pre-registered" }, /needs hypothesis/],
      [{ ...transfer, pairs: [{ source: "digits", target: "mnist" }] }, /give pairs, or sources and targets/],
      [{ ...transfer, sources: ["digts"] }, /sources.0: unknown data set "digts"; known: digits, /],
      [{ ...transfer, spaces: [...transfer.spaces, ...transfer.spaces] }, /spaces: expected each name once/],
      [{ ...transfer, seeds: { search: [1, 1] } }, /seeds.search: expected each seed once/],
      [
        { ...transfer, variants: [{ name: "v", search: { seed: 7 } }] },
        /variants.0.search: .* without weights and seed/,
      ],
      [{ ...transfer, variants: [{ name: "v", search: { density: 0.5 } }] }, /give densities, or null and a density/],
      [
        { ...transfer, spaces: [{ name: "s", space: { model: { builder: "mlp", hiden: [3] }, gates: "input" } }] },
        /spaces.0.space.model.hiden: mlp takes hidden, activation, initializer/,
      ],
      [{ ...transfer, densities: [1.2] }, /densities/],
      [{ ...transfer, arms: ["magic"] }, /arms/],
      [{ ...transfer, data: { labels: "none" } }, /data/],
    ];
    for (const [experiment, message] of bad) {
      assert.throws(
        () => parseExperiment(experiment),
        code("experiments/experiment", message),
        JSON.stringify(experiment),
      );
    }
    const searchOption = { ...transfer, variants: [{ name: "v", search: { steps: -1 } }] };
    assert.throws(() => planExperiment(parseExperiment(searchOption)), code("experiments/experiment", /steps/));
    const many = { ...testbed, updates: Array(1000).fill("mirror"), seeds: 10_000 };
    const started = performance.now();
    assert.throws(() => planExperiment(parseExperiment(many)), code("experiments/experiment", /10000000 tasks/));
    assert.ok(performance.now() - started < 1000 * busy());
  });

  test("files: by name, by path, missing, not JSON", (context) => {
    assert.equal(readExperiment("testbed").name, "testbed");
    assert.throws(() => readExperiment("missing"), code("experiments/path"));
    const path = join(emptyFolder(context), "broken.json");
    writeFileSync(path, "{");
    assert.throws(() => readExperiment(path), code("experiments/experiment", /not JSON/));
  });

  test("every experiment of the project is one, and is called as its file is", async () => {
    await ready();
    for (const file of readdirSync(join(projectRoot, "experiments")).filter((name) => name.endsWith(".json"))) {
      const experiment = readExperiment(file.replace(".json", ""));
      assert.equal(`${experiment.name}.json`, file);
      assert.ok(planExperiment(experiment).length > 0);
    }
  });
});

describe("tasks", () => {
  test("are refused when edited, of another version, or of an unknown kind", async () => {
    const [task] = walks(1);
    const run = (changes: object) => executeTask({ ...task, ...changes }, { inputs: [] });
    await assert.rejects(
      run({ settings: { ...(task.settings as object), seed: 9 } }),
      code("experiments/task", /edited/),
    );
    await assert.rejects(run({ version: "old" }), code("experiments/version", /planned by version old/));
    await assert.rejects(run({ kind: "magic" }), code("experiments/kind"));
    await assert.rejects(run({ settings: {} }), code("experiments/settings", /seed/));
    await assert.rejects(executeTask(task, { inputs: [1] }), code("experiments/task", /needs 0 results/));
    assert.throws(() => makeTask("walk", { seed: 0, extra: 1 }), code("experiments/settings"));
  });
});

describe("version of the code", () => {
  test("follows imports, and ignores comments and indentation only", () => {
    const entry = require.resolve("../../lib/experiments/tasks/testbed.js");
    const modules = importedModules(entry);
    assert.ok(modules.some((file) => file.endsWith("theory/testbed/problem.js")));
    assert.ok(!modules.some((file) => file.includes("/plot/")));
    assert.match(codeVersion(entry), /^[0-9a-f]{16}$/);
    const source =
      "/** doc\n * more\n */\nfunction f() {\n  // why\n  return 1; // tail\n}\n/* one line */\nconst s = 2;";
    assert.equal(essence(source), "function f() {\nreturn 1; // tail\n}\nconst s = 2;");
    assert.equal(essence(source.replaceAll("\n", "\n    ")), essence(source));
    assert.notEqual(essence(source.replace("return 1", "return 2")), essence(source));
  });
});

describe("version of the code", () => {
  test("changes with what decides results: threads and the native functions too, but not with a figure", (context) => {
    const root = resolve(__dirname, "../../..");
    const copies = emptyFolder(context);
    let folder = join(copies, "0");
    cpSync(join(root, "dist", "lib"), join(folder, "dist", "lib"), {
      recursive: true,
      filter: (path) => !/\.d\.ts$/.test(path),
    });
    cpSync(join(root, "lib", "engine", "binding"), join(folder, "lib", "engine", "binding"), { recursive: true });
    let copy = 0;
    const version = (): string => {
      // Under another name, for versions are computed once a path.
      renameSync(folder, (folder = join(copies, `${++copy}`)));
      return codeVersion(join(folder, "dist/lib/experiments/tasks/search.js"));
    };
    let before = version();
    assert.equal(version(), before);
    for (const [file, counts] of Object.entries({
      "dist/lib/search/price.js": true,
      "dist/lib/data/decoder-worker.js": true,
      "dist/lib/models/kerasFileReader.js": true,
      "lib/engine/binding/filterGradient.cc": true,
      "dist/lib/plot/style.js": false,
    })) {
      appendFileSync(join(folder, file), "\nvoid 0;\n");
      const after = version();
      assert.equal(after !== before, counts, file);
      before = after;
    }
  });
});

describe("results", () => {
  test("of a real run: rows, CSV, JSON lines, status", async (context) => {
    const folder = emptyFolder(context);
    const experiment = parseExperiment(testbed);
    const before = experimentStatus(experiment, folder);
    assert.deepEqual([before.total, before.done, before.left], [3, 0, 3]);
    const summary = await runExperiment(experiment, { store: folder, runner: inlineRunner() });
    assert.deepEqual([summary.done, summary.failed], [3, 0]);
    const status = experimentStatus(experiment, folder);
    assert.deepEqual([status.done, status.left, status.others], [3, 0, 0]);
    assert.ok((status.kinds[0].seconds ?? 0) > 0);
    const store = new RunStore(folder, { readOnly: true });
    const rows = resultRows(planExperiment(experiment), store);
    assert.deepEqual(
      rows.map(({ seed, update }) => [seed, update]),
      [
        [0, "mirror"],
        [1, "mirror"],
        [2, "mirror"],
      ],
    );
    assert.equal(rowsToCsv(rows).trim().split("\n").length, 4);
    assert.deepEqual(
      rowsToJsonLines(rows)
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Row),
      rows,
    );
    await assert.rejects(rowsToDataFrame([]), code("experiments/empty"));
    const renamed = parseExperiment({ ...testbed, title: "another" });
    assert.equal(experimentStatus(renamed, folder).otherRegistration, 3);
  });

  test("CSV quotes what needs it and keeps every digit", () => {
    const rows: Row[] = [
      { a: 'say "x", y', b: 0.1 + 0.2, c: null },
      { a: "two\nlines", d: true },
    ];
    assert.equal(rowsToCsv(rows), 'a,b,c,d\n"say ""x"", y",0.30000000000000004,,\n"two\nlines",,,true\n');
  });

  test("effects: a planted good arm, a planted useless one, corrected for all comparisons", () => {
    const rows = ["learned", "worse", "equal"].flatMap((arm) =>
      [0, 1, 2, 3, 4].flatMap((search) =>
        [0, 1, 2, 3, 4].map((retraining) => ({
          source: "s",
          target: "t",
          gates: "input",
          density: 0.1,
          shots: 5,
          arm,
          search,
          retraining,
          episode: retraining,
          draw: retraining,
          accuracy: (arm === "worse" ? 0.5 : 0.6) + 0.01 * Math.sin(7 * search + 3 * arm.length) + 0.02 * retraining,
        })),
      ),
    );
    const [worse, equal] = effectRows(rows);
    assert.deepEqual(
      Object.keys(worse).slice(0, 11).join(),
      "source,target,gates,density,shots,control,effect,low,high,searches,retrainings",
    );
    assert.ok((worse.low as number) > 8 && (worse.high as number) < 12, JSON.stringify(worse));
    assert.ok((equal.low as number) < 0 && (equal.high as number) > 0, JSON.stringify(equal));
    assert.ok((worse.pHolm as number) < 0.01 && (worse.pHolm as number) >= (worse.p as number));
  });

  test("effects between strategies, and the parts of the variance, are those that were planted", () => {
    const levels = { reset: 0.6, fixed: 0.5 };
    const rows = Object.entries(levels).flatMap(([strategy, level]) =>
      [0, 1, 2, 3, 4, 5].flatMap((search) =>
        [0, 1, 2, 3, 4, 5, 6, 7].map((retraining) => ({
          source: "s",
          target: "t",
          gates: "input",
          density: 0.1,
          asked: 0.1,
          shots: 5,
          strategy,
          arm: "learned",
          search,
          retraining,
          episode: Math.floor(retraining / 2),
          draw: retraining % 2,
          accuracy: level + 0.02 * Math.sin(11 * search) + 0.04 * Math.cos(5 * Math.floor(retraining / 2)),
        })),
      ),
    );
    const effects = effectRows(rows);
    assert.deepEqual(
      effects.map(({ control, strategy }) => [control, strategy]),
      [["strategy fixed", "reset"]],
    );
    assert.ok(Math.abs((effects[0].effect as number) - 10) < 1e-9);
    const [parts] = varianceRows(rows) as Record<string, number>[];
    const variance = (values: number[]): number => {
      const centre = values.reduce((sum, value) => sum + value, 0) / values.length;
      return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1);
    };
    assert.ok(Math.abs(parts.search - variance([0, 1, 2, 3, 4, 5].map((s) => 2 * Math.sin(11 * s)))) < 1e-6);
    assert.ok(Math.abs(parts.episode - variance([0, 1, 2, 3].map((e) => 4 * Math.cos(5 * e)))) < 1e-6);
    assert.ok(Math.abs(parts.retraining) < 1e-6 && Math.abs(parts.residual) < 1e-6);
  });

  test("the library's own documentation of a record holds: bytes depend on the task alone", async (context) => {
    const folders = [emptyFolder(context), emptyFolder(context)];
    const experiment = parseExperiment(testbed);
    for (const folder of folders) await runExperiment(experiment, { store: folder, runner: inlineRunner() });
    const [{ task }] = planExperiment(experiment);
    const file = join("records", task.id.slice(0, 2), `${task.id}.json`);
    assert.equal(readFileSync(join(folders[0], file), "utf8"), readFileSync(join(folders[1], file), "utf8"));
  });
});

test("results of one data set but other files aren't put together", async (context) => {
  const store = new RunStore(emptyFolder(context));
  const labels = { source: "digits", target: "digits" };
  const plan = ["a", "a", "b"].map((file, seed) => {
    const task = makeTask("walk", { seed });
    store.put(makeRecord(stamp, task, { rows: [{ accuracy: 1 }], data: [file] }));
    return { task, labels };
  });
  assert.equal(resultRows(plan.slice(0, 2), store).length, 2);
  assert.throws(() => resultRows(plan, store), code("experiments/data", /different files of the same data sets/));
  store.close();
});

test("files that are missing are no task's fault, and a store that can't be ends with its runner", async (context) => {
  const missing = new TwotempError("data/path", "mnist/train: no such file");
  let tried = 0;
  const once = (): Promise<never> => {
    tried++;
    return Promise.reject(missing);
  };
  await assert.rejects(withTries(makeTask("walk", { seed: 0 }), new AbortController().signal, once), missing);
  assert.equal(tried, 1);

  const file = join(emptyFolder(context), "file");
  writeFileSync(file, "");
  let closed = 0;
  const runner: Runner = { ...inlineRunner(), close: async () => void closed++ };
  await assert.rejects(runExperiment(parseExperiment(testbed), { store: file, runner }), TwotempError);
  assert.equal(closed, 1);
});
