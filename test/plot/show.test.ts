import assert from "node:assert/strict";
import { after, afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { inspect } from "node:util";
import { dataset, describeCertificate, mlp, searchSpace, TwotempError } from "../../lib/index.js";
import {
  type Displayable,
  figures,
  jupyterDisplay,
  live,
  mimeBundle,
  progressBar,
  show,
} from "../../lib/plot/index.js";
import { toyDataset } from "../data/support.js";
import { certificate } from "./made.js";
import { sampleSearch } from "./sample.js";
import { fakeKernel } from "./kernel.js";

// Stills are drawn in `stills.slow.test.ts`; here there is no browser.
const browser = process.env.TWOTEMP_BROWSER;
process.env.TWOTEMP_BROWSER = "/nowhere";
after(() => {
  if (browser === undefined) delete process.env.TWOTEMP_BROWSER;
  else process.env.TWOTEMP_BROWSER = browser;
});

const plotly = "application/vnd.plotly.v1+json";
const sample = sampleSearch(1, 40, 6);

describe("the forms of a value", () => {
  test("a figure is interactive and text; without a browser it has no still", async () => {
    const figure = figures.explorer(sample.trace);
    const bundle = await mimeBundle(figure);
    assert.deepEqual(Object.keys(bundle).sort(), [plotly, "text/plain"]);
    const { data, layout, frames } = bundle[plotly] as Record<string, unknown>;
    assert.deepEqual({ data, layout, frames }, { data: figure.data, layout: figure.layout, frames: figure.frames });
    const own = (figure as unknown as Record<symbol, () => Promise<unknown>>)[jupyterDisplay];
    assert.deepEqual(await own(), bundle);
    assert.deepEqual(Object.keys(figure), ["data", "layout", "frames", "table"]);
    assert.match(bundle["text/plain"] as string, /^Explore the search\n92 gates, .*\n\nstep +group/);
  });

  test("tables and records are HTML without markup of their own, and aligned text", async () => {
    const records = [
      { arm: "<learned>", accuracy: 0.5 },
      { arm: "random", accuracy: null, note: { a: 1 } },
    ];
    const bundle = await mimeBundle(records);
    assert.match(
      bundle["text/html"] as string,
      /<th style="text-align:left">arm<\/th>.*<td style="text-align:left">&lt;learned&gt;<\/td><td>0.5<\/td>/,
    );
    assert.equal(bundle["text/plain"], 'arm        accuracy  note\n<learned>       0.5\nrandom               {"a":1}');
  });

  test("lists of what has a class, or refers to itself, are text and not records", async () => {
    const own = { [jupyterDisplay]: () => ({ "text/plain": "own" }) };
    const circular: Record<string, unknown> = { a: 1 };
    circular.self = circular;
    class Node {
      readonly next: Node = this;
    }
    for (const [value, forms, text] of [
      [[own, own], ["text/plain"], /Jupyter.display/],
      [[new Node()], ["text/plain"], /Node \{ next: \[Circular/],
      [[circular], ["image/svg+xml", "text/html", "text/plain"], /a +self\n1 +<ref/],
    ] as const) {
      const bundle = await mimeBundle(value);
      assert.deepEqual(Object.keys(bundle).sort(), forms);
      assert.match(bundle["text/plain"] as string, text);
    }
  });

  test("a long table says how much of it is shown", async () => {
    const bundle = await mimeBundle({ columns: ["x"], rows: Array.from({ length: 1234 }, (_, i) => [i]) });
    assert.match(bundle["text/plain"] as string, /\(40 of 1,234 rows\)$/);
    assert.match(bundle["text/html"] as string, /40 of 1,234 rows/);
  });

  test("a table's still is its text in SVG, the same bytes each time", async () => {
    const table = { columns: ["arm", "n"], rows: [["<a & b>", 5]] };
    const still = (await mimeBundle(table))["image/svg+xml"] as string;
    assert.equal(still, (await mimeBundle(table))["image/svg+xml"]);
    const lines = [...still.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, line]) => line);
    assert.deepEqual(lines, ["arm      n", "&lt;a &amp; b&gt;  5"]);
  });

  test("data sets of vectors show a table of their classes, in every form", async () => {
    const bundle = await mimeBundle(toyDataset(["idle", "leak"], 3));
    assert.deepEqual(Object.keys(bundle).sort(), ["image/svg+xml", "text/html", "text/plain"]);
    assert.match(bundle["image/svg+xml"] as string, />leak +3 +2</);
    assert.match(bundle["text/plain"] as string, /^toy: 6 training and 4 test examples of 2, 2 classes/);
  });

  test("certificates show themselves, and print as text", async () => {
    const bundle = await mimeBundle(certificate);
    assert.deepEqual(Object.keys(bundle).sort(), [plotly, "text/plain"]);
    assert.equal(bundle["text/plain"], describeCertificate(certificate));
    assert.equal(inspect(certificate), bundle["text/plain"]);
    assert.deepEqual(await (certificate as unknown as Displayable)[jupyterDisplay](), bundle);
  });

  test("what says itself how it looks is asked; the rest is text", async () => {
    assert.deepEqual(await mimeBundle({ [jupyterDisplay]: () => ({ "text/plain": "own" }) }), { "text/plain": "own" });
    assert.equal(jupyterDisplay, Symbol.for("Jupyter.display"));
    for (const [value, text] of [
      ["a\nb", "a\nb"],
      [null, "null"],
      [undefined, "undefined"],
      [[], "[]"],
      [{ a: [1] }, "{ a: [ 1 ] }"],
    ]) {
      assert.deepEqual(await mimeBundle(value), { "text/plain": text });
    }
  });

  test("data sets and spaces show themselves, and print as text", async () => {
    const digits = (await dataset("digits")).classes("0-4");
    const sheet = await mimeBundle(digits);
    assert.deepEqual(Object.keys(sheet).sort(), [plotly, "text/plain"]);
    assert.match(
      inspect(digits),
      /^digits:0-4: 1,921 training and 901 test examples of 8 x 8 x 1, 5 classes\nclasses: 0, 1/,
    );
    const space = searchSpace(mlp({ inputShape: digits.inputShape, hidden: [4], classes: 5 }), { gates: "input" });
    const bundle = await mimeBundle(space);
    assert.match(bundle["text/html"] as string, /64 gates/);
    assert.match(bundle["image/svg+xml"] as string, /^<svg .*64 gates/s);
    assert.match(bundle["text/html"] as string, /<td style="text-align:left">input<\/td><td>64<\/td>/);
    assert.equal(bundle["text/plain"], String(space.summary()));
    const architecture = space.architecture(Uint8Array.from({ length: 64 }, (_, i) => +(i < 16)));
    assert.match(inspect(architecture), /16 of 64 gates \(25 %\)/);
    assert.equal(((await mimeBundle(architecture))[plotly] as { data: unknown[] }).data.length, 1);
  });
});

describe("in a kernel", () => {
  let kernel: ReturnType<typeof fakeKernel>;
  beforeEach(() => (kernel = fakeKernel()));
  afterEach(() => kernel.stop());

  test("an error of ours is one line; outside, its stack is there", () => {
    const error = new TwotempError("space/density", "density must be in (0, 1], got 2");
    assert.equal(inspect(error), "TwotempError: density must be in (0, 1], got 2");
    kernel.stop();
    assert.match(inspect(error), /^TwotempError: density must be in \(0, 1\], got 2\n +at .*code: 'space\/density'/s);
  });

  test("show sends one message for each of a list that show themselves", async () => {
    await show([{ [jupyterDisplay]: () => ({ "text/plain": "own" }) }, "text"]);
    assert.deepEqual(
      kernel.sent.map(({ data }) => data["text/plain"]),
      ["own", "text"],
    );
  });

  test("show sends one message", async () => {
    await show([{ a: 1 }]);
    assert.deepEqual(
      kernel.sent.map(({ data, update }) => [Object.keys(data), update]),
      [[["text/html", "image/svg+xml", "text/plain"], false]],
    );
  });

  test("the live panel redraws one output, a few times a second, and ends with the last state", async () => {
    const observer = live.search();
    const under = {
      trace: sample.trace,
      step: 1,
      finished: false,
      seconds: 0.1,
      certificate: () => assert.fail("not asked at step 0"),
    };
    const search = { ...under, step: 0 } as unknown as Parameters<typeof observer>[0];
    const { sent } = kernel;
    while (sent.length < 3) {
      observer(search);
      await setTimeout(1);
    }
    // From one sending to the next: however long this process is kept waiting after them, as much later as it is due.
    sent.slice(1).forEach(({ at }, k) => assert.ok(at - sent[k].at >= 298, `${at - sent[k].at} ms`));
    await observer.finish!(search);
    assert.equal(sent.length, 4);
    assert.deepEqual(
      sent.map(({ update }) => update),
      [false, ...sent.slice(1).map(() => true)],
    );
    assert.equal(new Set(sent.map(({ transient }) => transient.display_id)).size, 1);
  });

  test("a progress bar appears for long work only, changes in place, and ends with the time taken", () => {
    const bar = progressBar();
    const report = (done: number, elapsedSeconds: number, remainingSeconds?: number): void =>
      bar({ label: "search", done, total: 100, elapsedSeconds, remainingSeconds });
    report(50, 0.5, 0.5);
    report(100, 1, 0);
    assert.equal(kernel.sent.length, 0);
    report(10, 1, 9);
    report(11, 1.1, 8.9);
    report(20, 2, 8);
    report(100, 10, 0);
    assert.deepEqual(
      kernel.sent.map(({ data, update }) => [data["text/plain"], update]),
      [
        ["search: 10 of 100, 9 s left", false],
        ["search: 20 of 100, 8 s left", true],
        ["search: 100 of 100 in 10 s", true],
      ],
    );
  });
});

describe("outside a kernel", () => {
  test("the live panel and the progress bar are silent", async () => {
    const observer = live.search();
    observer(undefined as never);
    await observer.finish!(undefined as never);
    if (!process.stderr.isTTY) progressBar()({ label: "x", done: 1, total: 2, elapsedSeconds: 9, remainingSeconds: 9 });
  });
});
