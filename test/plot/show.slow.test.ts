import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { danfo } from "../../lib/index.js";
import { type Displayable, jupyterDisplay, mimeBundle } from "../../lib/plot/index.js";
import { busy, needs } from "../support.js";
import { kernelInstalled, root, runProgram, temporaryFolder, writeNotebook } from "../scripts/support.js";

interface Output {
  readonly output_type: string;
  readonly data?: Record<string, unknown>;
  readonly text?: string | string[];
}

const plotly = "application/vnd.plotly.v1+json";
const setUp = [
  'import * as tt from "twotemp";\nawait tt.ready();',
  'const source = (await tt.dataset("digits")).classes("0-4").standardised();',
  'const space = tt.searchSpace(tt.mlp({ inputShape: source.inputShape, hidden: [32], classes: 5 }), { gates: "input" });',
];

/** Outputs of each cell after the set-up, of a notebook that ran in the real kernel without an error. */
async function outputs(name: string, cells: string[]): Promise<Output[][]> {
  const notebook = writeNotebook(join(root, "build", `${name}.ipynb`), [...setUp, ...cells]);
  const executed = join(temporaryFolder("show"), "executed.ipynb");
  const runner = [join(root, "scripts/run_notebook.py"), notebook, "--output", executed];
  const { status, stderr } = await runProgram(join(root, ".venv/bin/python"), runner);
  assert.equal(stderr, "");
  assert.equal(status, 0);
  const { cells: ran } = JSON.parse(readFileSync(executed, "utf8")) as { cells: { outputs: Output[] }[] };
  return ran.slice(setUp.length).map((cell) => cell.outputs);
}

const textOf = (output: Output): string => [output.text ?? ""].flat().join("");

/** That a cell told of less than a second, and then this. */
function assertSoon(told: Output, what: RegExp): void {
  const [, late, rest] = /^(\S+) ([^]*)$/.exec(textOf(told))!;
  assert.ok(Number(late) < 1000 * busy(), `${late} ms`);
  assert.match(rest, what);
}

test("data frames are HTML, a still and aligned text, and say so themselves once danfojs is loaded here", async () => {
  // As a notebook loads it: the frames of either are of one class.
  const { DataFrame } = await import("danfojs-node");
  const made = new DataFrame([{ arm: "learned", shots: 5 }]);
  const frame = await mimeBundle(made);
  await danfo();
  assert.deepEqual(await (made as unknown as Displayable)[jupyterDisplay](), frame);
  assert.deepEqual(Object.keys(made), Object.keys(new DataFrame([{ arm: "learned", shots: 5 }])));
  assert.match(frame["image/svg+xml"] as string, />learned +5</);
  assert.match(frame["text/html"] as string, /<td style="text-align:left">learned<\/td><td>5<\/td>/);
  assert.equal(frame["text/plain"], "arm      shots\nlearned      5");
});

describe("in the real kernel", needs("the Jupyter kernel", kernelInstalled, "npm run setup"), () => {
  test("results show themselves, each as one message with every form", async () => {
    const shown = await outputs("show", [
      "const search = tt.search(space, source, { density: 0.25, steps: 100, seed: 1 });\nawait search.run();",
      "await tt.show(source);",
      "await tt.show(space);",
      "await tt.show(search);",
      "await tt.show(search.architecture());",
      "await tt.show(search.certificate());",
      "await tt.show(tt.figures.explorer(search.trace));",
      'import * as dfd from "danfojs-node";\nawait tt.show(new dfd.DataFrame([{ a: 1, b: "x" }]));',
      `const [seen, heldOut] = source.split(0.2, 0);
const target = (await tt.dataset("digits")).classes("5-9").standardised(source);
const options = { source: seen, heldOut: heldOut, shots: [1], retrainings: 2, steps: 20, arms: [tt.baselines.full] };
await tt.show(await tt.transfer(space, [search.architecture()], target, options));`,
      'const events = new dfd.DataFrame([1, 2, 3, 4].map((a) => ({ a, event: ["idle", "leak"][a % 2] })));\nawait tt.show(tt.fromDataFrame(events));',
      "search",
    ]);
    const forms = shown.map((cell) => cell.flatMap((output) => Object.keys(output.data ?? {})).sort());
    const figure = [plotly, "image/svg+xml", "text/plain"];
    const table = ["image/svg+xml", "text/html", "text/plain"];
    assert.deepEqual(forms, [[], figure, table, figure, figure, figure, figure, table, figure, table, []]);
    assert.match(textOf(shown[10][0]), /search over 64 gates on digits:0-4.*: finished/);
    const { frames } = shown[6][0].data![plotly] as { frames: unknown[] };
    assert.ok(frames.length > 10);
  });

  test("the live panel is one output, which ends with its still", async () => {
    const [ran, [message]] = await outputs("live", [
      "const search = tt.search(space, source, { density: 0.25, steps: 800, seed: 1 });\nawait search.run({ onStep: tt.live.search() });",
      "console.log(search.finished);",
    ]);
    // The panel, and the run's value, which the kernel prints as text.
    assert.equal(ran.length, 2);
    assert.match(textOf(ran[1]), /^search over 64 gates on digits:0-4.*: finished/);
    assert.match((ran[0].data!["text/plain"] as string[] | string).toString(), /^Search: 800 steps in/);
    assert.match([ran[0].data!["image/svg+xml"]].flat().join(""), /^<svg/);
    assert.equal(textOf(message), "true\n");
  });

  test("the live panel is redrawn two to four times a second, for at most 3 % of the search's time", async (t) => {
    const [, [, told]] = await outputs("live-rate", [
      `const kernel = require("../dist/lib/kernel.js");
const { sendDisplay } = kernel;
const drawn: number[] = [];
kernel.sendDisplay = (...given: unknown[]) => (drawn.push(performance.now()), sendDisplay(...given));
const processor = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
const panel = tt.live.search();
let spent = 0;`,
      // The first drawing of this process, which is slow, is among them.
      `const began = processor();
await tt.search(space, source, { density: 0.25, steps: 1_000_000, seed: 1 }).run({
  signal: AbortSignal.timeout(${Math.round(8000 * Math.min(5, busy()))}),
  onStep: (search) => {
    const before = processor();
    panel(search);
    spent += processor() - before;
  },
});
console.log(JSON.stringify({ share: spent / (processor() - began), drawn: drawn }));`,
    ]);
    const { share, drawn } = JSON.parse(textOf(told)) as { share: number; drawn: number[] };
    const rate = (1000 * (drawn.length - 1)) / (drawn.at(-1)! - drawn[0]);
    const second = drawn.filter((time) => time - drawn[0] < 1000).length;
    t.diagnostic(
      `${rate.toFixed(2)} redraws a second, ${second} in the first; ${(100 * share).toFixed(2)} % of the time`,
    );
    assert.ok(rate <= 4 && rate >= 2 / busy(), `${rate} redraws a second`);
    assert.ok(second >= 2, `${second} in the first second`);
    assert.ok(share <= 0.03, `${100 * share} % of the processor time`);
  });

  test("Stop ends a run within a second with what it reached; running again goes on from there", async () => {
    const [, , [told], [after]] = await outputs("stop", [
      "const search = tt.search(space, source, { density: 0.25, steps: 4000, seed: 1 });\nlet stopped = 0;",
      // The kernel is sent what JupyterLab's button sends.
      'const press = () => { stopped = performance.now(); process.kill(process.pid, "SIGINT"); };',
      "await search.run({ onStep: ({ step }) => { if (step === 300) press(); } });\nconst late = performance.now() - stopped;\nconst reached = search.step;\nconsole.log(late, reached >= 300 && reached < 4000, reached);",
      "setTimeout(() => {}, 0);\nconst again = search.step;\nawait search.run();\nconsole.log(again === reached, search.finished, process.listenerCount('SIGINT'));",
    ]);
    assertSoon(told, /^true /);
    assert.equal(textOf(after), "true true 1\n");
  });

  test("Stop ends a transfer within a second with the arms that are complete", async () => {
    const [, [told], [next]] = await outputs("stop-transfer", [
      'const target = (await tt.dataset("digits")).classes("5-9").standardised(source);\nconst [seen, heldOut] = source.split(0.2, 0);\nlet stopped = 0;',
      // While the full model, of another shape than the learned one and so trained last, is retrained at the last number of shots.
      `const result = await tt.transfer(space, [space.keepLargest(new tt.Random(0, "half").uniforms(64), 0.5)], target, {
  source: seen, heldOut: heldOut, steps: 400, retrainings: 2, shots: [1, 5], arms: [tt.baselines.full],
  onProgress: ({ done, total }) => { if (done === total - 2) { stopped = performance.now(); process.kill(process.pid, "SIGINT"); } },
});
const late = performance.now() - stopped;
console.log(late, result.summary().map(({ arm, shots }) => arm + shots).join());`,
      "console.log(result.summary().length);",
    ]);
    assertSoon(told, /^learned1,full1,learned5\n$/);
    assert.equal(textOf(next), "3\n");
  });
});
