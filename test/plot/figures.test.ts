import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Dataset } from "../../lib/data/index.js";
import { figures, toCsv, withTheme } from "../../lib/plot/index.js";
import { convergenceStudy } from "../../lib/theory/index.js";
import { certificate, digits, effects, made, sample, summary } from "./made.js";
import { sampleSearch } from "./sample.js";
import { matchesSnapshot } from "./snapshot.js";

describe("figures", () => {
  test("every figure function is tested", () => {
    assert.deepEqual(Object.keys(made).sort(), Object.keys(figures).sort());
  });

  // The contact sheet holds a picture, which its own test reads.
  for (const [name, make] of Object.entries(made).filter(([name]) => name !== "contactSheet")) {
    test(`${name} is as committed, plain JSON, and has the same data in dark`, async () => {
      const { data, layout, frames, table } = await make();
      const { template, ...own } = layout;
      assert.ok(template);
      matchesSnapshot(name, { data, layout: own, ...(frames && { frames }), table });
      const figure = { data, layout, frames, table };
      assert.deepEqual(JSON.parse(JSON.stringify({ data, layout })), { data, layout });
      const dark = withTheme(figure, "dark");
      assert.deepEqual(dark.data, data);
      assert.notDeepEqual(dark.layout.template, template);
      assert.deepEqual(withTheme(dark, "light").layout, layout);
    });
  }

  test("every figure states how many in its subtitle, and every axis that has ticks has a title", async () => {
    for (const [name, make] of Object.entries(made)) {
      const { layout } = await make();
      const { text } = (layout.title as { subtitle: { text: string } }).subtitle;
      assert.match(text, /\d/, name);
      for (const [axis, value] of Object.entries(layout)) {
        if (!/^[xy]axis/.test(axis)) continue;
        const { title, showticklabels, ticktext } = value as Record<string, unknown>;
        const named = Array.isArray(ticktext) && ticktext.every((label) => /[a-z]/.test(String(label)));
        // Panels side by side share the title of the one in the middle; the overlap's two axes, that below.
        const shared = name === "effects" || name === "overlap";
        assert.ok(title || showticklabels === false || named || shared, `${name}: ${axis} has no title`);
      }
    }
  });

  test("a search that has just begun, and one without density or records, can be drawn", () => {
    const begun = { ...sample.trace, entries: sample.trace.entries.slice(0, 1), density: undefined };
    const empty = { ...begun, entries: [] };
    for (const trace of [begun, empty]) {
      for (const draw of [figures.searchCurves, figures.gateHistogram]) {
        assert.doesNotMatch(JSON.stringify(draw(trace)), /null|NaN/);
      }
      const under = {
        trace,
        step: 0,
        finished: false,
        seconds: 0,
        certificate: () => assert.fail("no step, no certificate"),
      };
      assert.match(JSON.stringify(figures.searchPanel(under).layout.title), /not begun/);
    }
  });

  test("the explorer has a frame a snapshot, and refuses a trace without any", () => {
    const { frames, data } = figures.explorer(sample.trace);
    assert.equal(frames?.length, sample.trace.snapshots.length);
    const last = (frames?.at(-1) as { data: { z: number[][] }[] }).data[0].z;
    assert.deepEqual(data[0].z, last);
    assert.equal(last.length, 6);
    assert.throws(() => figures.explorer({ ...sample.trace, snapshots: [] }), { code: "plot/snapshots" });
  });

  test("each slider of the convergence figure moves bound, regret, gates and landscape", () => {
    const study = convergenceStudy({ steps: 20 });
    const { data, frames, layout } = figures.convergence(study);
    const sliders = layout.sliders as { active: number; steps: { args: [[string]] }[] }[];
    assert.equal(sliders.length, 6);
    type Trace = { x: unknown; y: unknown; z?: unknown };
    const traces = data as unknown as Trace[];
    const image = traces.findIndex(({ z }) => z !== undefined);
    const names = ["bound", "regret", "dot", ...traces.slice(3, image).map(() => "gates"), "landscape"];
    sliders.forEach(({ steps }, row) => {
      const moved = new Set<string>();
      steps.forEach(({ args: [[name]] }, k) => {
        const frame = frames?.find((one) => one.name === name) as { data: Trace[]; layout: object };
        assert.equal((frame.layout as Record<string, unknown>)[`sliders[${row}].active`], k);
        const [low, high] = (frame.layout as { "yaxis.range": [number, number] })["yaxis.range"];
        const heights = frame.data.slice(0, 3).flatMap(({ y }) => y as number[]);
        assert.ok(
          heights.every((y) => low <= y && y <= high),
          name,
        );
        names.forEach((what, t) => {
          const [before, after] = [traces[t], frame.data[t]].map(({ x, y, z }) => JSON.stringify([x, y, z]));
          if (before !== after) moved.add(what);
        });
      });
      // The step moves along the curves of one run.
      const all = row < 5 ? ["bound", "regret", "dot", "gates", "landscape"] : ["dot", "landscape"];
      assert.deepEqual([...moved].sort(), all.sort(), `slider ${row}`);
    });
  });

  test("kept gates lie where the mask has them", () => {
    const { data } = figures.keptGates(sample);
    const image = data[0] as { z: number[][] };
    assert.deepEqual(image.z.flat(), Array.from(sample.mask.subarray(0, 36)));
  });

  test("the overlap is 1 of a mask with itself, 0 of disjoint ones, and near chance of random ones", () => {
    const groups = [{ name: "input", kind: "input" as const, offset: 0, size: 400, shape: [20, 20, 1] }];
    const shares = (a: number[], b: number[]): number[] => {
      const pick = (kept: number[]) => ({
        groups,
        mask: Uint8Array.from({ length: 400 }, (_, i) => +kept.includes(i)),
      });
      return figures.overlap([pick(a), pick(b)]).table.rows[0].slice(2) as number[];
    };
    assert.deepEqual(shares([1, 2, 3, 4], [1, 2, 3, 4]), [1, 0.01]);
    assert.deepEqual(shares([1, 2, 3, 4], [5, 6, 7, 8]), [0, 0.01]);
    assert.equal(shares([1, 2, 3, 4], [4, 5, 6, 7])[0], 0.25);
    assert.throws(() => figures.overlap([sample]), { code: "plot/overlap" });
    const other = sampleSearch(1, 5, 8);
    assert.throws(() => figures.overlap([sample, other]), { code: "plot/overlap" });
  });

  test("the overlap of many names the images that it leaves out, and no name stands in another image", () => {
    const { data, layout } = figures.overlap(Array.from({ length: 12 }, (_, seed) => sampleSearch(seed, 5, 6)));
    const axes = layout as Record<string, { domain: [number, number] }>;
    const images = data.slice(0, -1).map((_, i) => axes[`yaxis${i === 0 ? "" : i + 1}`].domain);
    assert.equal(images.length, 10);
    assert.match(JSON.stringify(layout.title), /n = 12 searches.*; images of the first 9"/);
    const pixels = (layout.height as number) - 136;
    for (const [bottom] of images) {
      const below = images.filter(([, top]) => top <= bottom).map(([, top]) => top);
      assert.ok((bottom - Math.max(0, ...below)) * pixels >= 18, `${bottom}`);
    }
  });

  test("effects whose interval is unbounded or on both sides of 0 are drawn open", () => {
    const rows = [
      { ...effects[0], low: 1, high: 3, effect: 2 },
      { ...effects[1], low: -1, high: 3, effect: 1 },
      { ...effects[2], low: -Infinity, high: Infinity, effect: 0.5 },
    ];
    const { data, layout } = figures.effects(rows);
    assert.deepEqual((data[0].marker as { symbol: string[] }).symbol, ["square", "square-open", "square-open"]);
    assert.doesNotMatch(JSON.stringify(layout), /null/);
  });

  test("without any interval, accuracies span the axis, names stand apart and nothing says that there are intervals", () => {
    const bare = { low: -Infinity, high: Infinity, searches: 1, retrainings: 1 };
    const means = summary.map((row) => ({ ...row, ...bare }));
    const { data, layout, table } = figures.transfer(means);
    assert.deepEqual((layout.yaxis as { range: number[] }).range, [34, 67]);
    const heights = (layout.annotations as { y: number }[]).map(({ y }) => y);
    heights.slice(1).forEach((y, i) => assert.ok(heights[i] - y > 1, `${heights[i]} and ${y}`));
    assert.deepEqual(JSON.parse(JSON.stringify({ data, layout })), { data, layout });
    assert.doesNotMatch(toCsv(table), /Infinity/);
    const drawn = figures.effects(effects.map((row) => ({ ...row, ...bare })));
    assert.deepEqual(drawn.layout.shapes, []);
    for (const figure of [{ data, layout }, drawn]) {
      assert.match(JSON.stringify(figure.layout.title), /no intervals: nothing was repeated/);
      assert.doesNotMatch(JSON.stringify(figure.data), /Infinity/);
    }
  });

  test("take what is beside what they draw: a search for its trace, an architecture for its network or a list", () => {
    for (const draw of [figures.searchCurves, figures.gateHistogram, figures.explorer]) {
      assert.deepEqual(draw(sample).data, draw(sample.trace).data);
    }
    assert.deepEqual(figures.keptGates({ architecture: () => sample }).data, figures.keptGates(sample).data);
    const two = [sample, sample];
    assert.deepEqual(figures.overlap(two.map((of) => ({ architecture: () => of }))).data, figures.overlap(two).data);
    assert.deepEqual(
      figures.certificate({ certificate: () => certificate }).data,
      figures.certificate(certificate).data,
    );
    for (const draw of [figures.effects, figures.effectMatrix, figures.effectsByDensity]) {
      assert.deepEqual(draw({ effects: () => effects }).data, draw(effects).data);
    }
    const layers = [
      { name: "a", className: "Dense", inputs: [], units: 2, unitsKept: 1, weights: 2, weightsKept: 1, present: true },
    ];
    assert.deepEqual(figures.network({ network: () => layers }).data, figures.network(layers).data);
    const data = { name: "iris", inputShape: [2], inputNames: ["length", "width"] };
    assert.deepEqual(figures.keptInputs({ mask: [1, 0] }, data).table.rows, [["length", 1]]);
  });

  test("the contact sheet shows the pixels, and refuses vectors", async () => {
    const { layout, table } = await figures.contactSheet(digits);
    const [{ source }] = layout.images as [{ source: string }];
    const { Jimp } = await import("jimp");
    const sheet = await Jimp.read(Buffer.from(source.split(",")[1], "base64"));
    const zoom = (sheet.bitmap.width / 2 - 2) / 3;
    assert.equal(sheet.bitmap.height / 2 - 2, 2 * zoom);
    // The second pixel of the first example is 10, the first of the second class 60.
    assert.equal(sheet.getPixelColor(zoom, 0), 0x0a0a0aff);
    assert.equal(sheet.getPixelColor(3 * zoom + 2, 0), 0x3c3c3cff);
    assert.deepEqual(table.rows, [
      ["left", 2, 1],
      ["right", 2, 1],
    ]);
    const vectors = new Dataset({ ...digits, inputShape: [6] });
    await assert.rejects(figures.contactSheet(vectors), { code: "data/image" });
  });

  test("text from users can't become markup", () => {
    const { layout } = figures.keptGates({ ...sample, groups: [{ ...sample.groups[0], name: "<b>x</b>" }] });
    assert.match(JSON.stringify(layout.title), /&lt;b&gt;x/);
  });
});

describe("CSV", () => {
  test("quotes what needs it", () => {
    const table = {
      columns: ["a", "b,c"],
      rows: [
        ['say "x"', 0.1 + 0.2],
        ["two\nlines", null],
      ],
    };
    assert.equal(toCsv(table), 'a,"b,c"\n"say ""x""",0.3\n"two\nlines",\n');
  });
});
