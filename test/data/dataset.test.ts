import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Dataset } from "../../lib/data/index.js";
import { ready } from "../../lib/engine/index.js";
import { refuses, toyDataset } from "./support.js";

const letters = ["A", "B", "C", "D", "E"];

describe("classes", () => {
  test("takes ranges, names and lists, relabelled from 0 in the order given", () => {
    const toy = toyDataset(letters, 3);
    assert.deepEqual(toy.classes("B-D").classNames, ["B", "C", "D"]);
    assert.deepEqual(toy.classes("E,A-B").classNames, ["E", "A", "B"]);
    assert.deepEqual(toy.classes(["C", "A"]).classNames, ["C", "A"]);
    const chosen = toy.classes("E,B");
    assert.equal(chosen.name, "toy:E,B");
    assert.deepEqual([...chosen.train.labels], [1, 0, 1, 0, 1, 0]);
    // Rows 1 and 4 of the whole are the first B and E.
    assert.deepEqual([...chosen.train.inputs.subarray(0, 4)], [10, 11, 40, 41]);
    assert.equal(chosen.provenance.steps.at(-1), "classes E,B, relabelled from 0");
  });

  test("takes class names that hold hyphens, commas or __proto__", () => {
    const toy = toyDataset(["t-shirt", "a-b", "a", "b", "__proto__", "x, y"], 2);
    assert.deepEqual(toy.classes("t-shirt,a-b").classNames, ["t-shirt", "a-b"]);
    assert.deepEqual(toy.classes("t-shirt-a").classNames, ["t-shirt", "a-b", "a"]);
    assert.deepEqual(toy.classes(["__proto__", "x, y"]).classNames, ["__proto__", "x, y"]);
  });

  test("refuses unknown, repeated, backward and single classes", async () => {
    const toy = toyDataset(letters, 2);
    await refuses(() => toy.classes("A-Z"), "data/classes", /no class "A-Z", only A, B, C, D, E/);
    await refuses(() => toy.classes("A,B-C,B"), "data/classes", /"B" is chosen twice/);
    await refuses(() => toy.classes("C-A"), "data/classes", /backwards/);
    await refuses(() => toy.classes("A"), "data/classes", /at least 2 classes/);
    await refuses(() => toy.classes([]), "data/classes", /at least 2 classes/);
    await refuses(() => toy.classes(""), "data/classes", /no class ""/);
  });

  test("keeps every example of the chosen classes and no other (property)", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.shuffledSubarray(letters, { minLength: 2 }), (each, chosen) => {
        const toy = toyDataset(letters, each);
        const subset = toy.classes(chosen);
        assert.equal(subset.train.count, each * chosen.length);
        const kept = [...toy.train.labels.keys()].filter((row) => chosen.includes(letters[toy.train.labels[row]]));
        assert.deepEqual(
          [...subset.train.labels].map((label) => chosen[label]),
          kept.map((row) => letters[toy.train.labels[row]]),
        );
        const rows = kept.flatMap((row) => [...toy.train.inputs.subarray(2 * row, 2 * row + 2)]);
        assert.deepEqual([...subset.train.inputs], rows);
      }),
    );
  });
});

describe("values", () => {
  test("a batch is raw values times the scale, in the order of the rows", () => {
    const toy = toyDataset(letters, 3);
    assert.deepEqual(
      [...toy.batch("train", [4, 0, 4])],
      [40, 41, 0, 1, 40, 41].map((raw) => Math.fround(raw / 255)),
    );
    assert.deepEqual([...toy.labels("train", [4, 0, 9])], [4, 0, 4]);
  });

  test("standardised divides by the standard deviation and leaves 0 at 0", () => {
    const toy = toyDataset(letters, 4).standardised();
    const all = toy.batch(
      "train",
      toy.train.labels.map((_, row) => row),
    );
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
    const variance = all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length;
    assert.ok(Math.abs(variance - 1) < 1e-6, String(variance));
    assert.equal(all[0], 0);
    const target = toyDataset(["A", "B"], 9).standardised(toy);
    assert.equal(target.scale, toy.scale);
    // White is 16 in one set and 255 in the other, and is as bright in both.
    const dim = toyDataset(letters, 4, { rawMaximum: 16 });
    assert.ok(Math.abs(dim.standardised(toy).scale * 16 - toy.scale * 255) < 1e-9);
    assert.ok(Math.abs(toyDataset(letters, 4).standardised(dim).scale * 255 - dim.standardised().scale * 16) < 1e-9);
    assert.match(target.provenance.steps.at(-1) ?? "", /standard deviation of the training values of toy/);
  });

  test("standardised columns have mean 0 and deviation 1; a constant column becomes 0", () => {
    const rows = [
      [0.1, 1000, 3],
      [0.1, 3000, 4],
      [0.1, 2000, 8],
      [0.1, 2000, 9],
    ];
    const examples = { inputs: Float32Array.from(rows.flat()), labels: Int32Array.from([0, 1, 0, 1]), count: 4 };
    const columns = toyDataset(["a", "b"], 1, {
      inputShape: [3],
      train: examples,
      test: examples,
    }).standardisedColumns();
    const values = columns.batch("test", [0, 1, 2, 3]);
    for (let column = 0; column < 3; column++) {
      const found = [0, 1, 2, 3].map((row) => values[3 * row + column]);
      const mean = found.reduce((sum, value) => sum + value, 0) / 4;
      const variance = found.reduce((sum, value) => sum + value ** 2, 0) / 4;
      assert.ok(Math.abs(mean) < 1e-6);
      assert.ok(Math.abs(variance - (column === 0 ? 0 : 1)) < 1e-6, `column ${column}: ${variance}`);
    }
  });

  test("a picture is brought to 0..255", async () => {
    const train = { inputs: Uint8Array.from([0, 4, 8, 16, 16, 0, 0, 0]), labels: Int32Array.from([0, 1]), count: 2 };
    const digits = toyDataset(["a", "b"], 1, { inputShape: [2, 2, 1], train, test: train, rawMaximum: 16 });
    const picture = digits.image("train", 0);
    assert.deepEqual(
      { ...picture, pixels: [...picture.pixels] },
      { width: 2, height: 2, channels: 1, pixels: [0, 64, 128, 255], className: "a" },
    );
    assert.deepEqual(digits.standardised().image("train", 0), picture);
    await refuses(() => digits.image("test", 2), "data/row", /test rows 0 to 1, got 2/);
    await refuses(() => digits.batch("test", [0.5]), "data/row", /got 0.5/);
    await refuses(() => digits.batch("test", [0], new Float32Array(5)), "data/size", /must have 4 values, got 5/);
    await refuses(() => toyDataset(letters, 1).image("train", 0), "data/image", /shape \[2\], not images/);
  });

  test("grey is brightness, resizing keeps means and constants", async () => {
    await ready();
    const pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 90, 90, 90];
    const train = {
      inputs: Uint8Array.from([...pixels, ...Array<number>(12).fill(7)]),
      labels: Int32Array.from([0, 1]),
      count: 2,
    };
    const colour = toyDataset(["a", "b"], 1, { inputShape: [2, 2, 3], train, test: train });
    const grey = colour.grey();
    assert.deepEqual([...grey.inputShape], [2, 2, 1]);
    assert.deepEqual([...grey.train.inputs], [76, 150, 29, 90, 7, 7, 7, 7]);
    assert.equal(grey.grey(), grey);
    const small = await grey.resized(1);
    assert.deepEqual([...small.inputShape], [1, 1, 1]);
    assert.deepEqual([...small.test.inputs], [86, 7]);
    const large = await colour.resized([4, 6]);
    assert.deepEqual([...large.inputShape], [4, 6, 3]);
    assert.ok(large.train.inputs.subarray(72).every((value) => value === 7));
    assert.deepEqual([...large.train.inputs.subarray(0, 3)], [255, 0, 0]);
    assert.deepEqual(small.provenance.steps, ["made grey", "resized to 1 x 1"]);
    await refuses(() => toyDataset(letters, 1).grey(), "data/image", /not images/);
    await refuses(() => grey.resized(0.5), "data/size", /whole pixels from 1 to 4096, got 0.5/);
    await refuses(() => grey.resized([4] as unknown as [4, 4]), "data/size", /got \[4\]; give one number or \[height/);
  });

  const inputs = new Uint8Array(4);
  const labels = Int32Array.of(0, 1);
  const strange: [what: string, change: object, code: string, line: RegExp][] = [
    ["no test split", { test: undefined }, "data/parts", /^toy: missing test.inputs, test.labels, test.count$/],
    ["no provenance", { provenance: null }, "data/parts", /^toy: missing provenance.source, .*provenance.steps$/],
    ["no count", { train: { inputs, labels } }, "data/parts", /^toy: missing train.count$/],
    [
      "inputs of 64 bits",
      { train: { inputs: Float64Array.of(0, 1, NaN, 3), labels, count: 2 } },
      "data/parts",
      /train inputs must be a Uint8Array or a Float32Array, got Float64Array; Float32Array.from\(inputs\) makes one/,
    ],
    [
      "a list of inputs",
      { test: { inputs: [0, 1, 2, 3], labels, count: 2 } },
      "data/parts",
      /test inputs .* got Array/,
    ],
    ["a list of labels", { train: { inputs, labels: [0, 1], count: 2 } }, "data/parts", /an Int32Array, got Array/],
    [
      "labels between classes",
      { train: { inputs, labels: Float32Array.of(0, 0.5), count: 2 } },
      "data/labels",
      /train row 1 has label 0.5, expected a whole number 0 to 1/,
    ],
    ["text as labels", { train: { inputs, labels: ["a", "b"], count: 2 } }, "data/labels", /row 0 has label "a"/],
  ];
  for (const [what, change, code, line] of strange) {
    test(`refuses ${what}`, () => refuses(() => toyDataset(["a", "b"], 1, change), code, line));
  }

  test("refuses parts that don't fit together", async () => {
    const two = ["a", "b"];
    const train = { inputs: new Uint8Array(4), labels: Int32Array.from([0, 1]), count: 2 };
    const made =
      (change: object): (() => Dataset) =>
      () =>
        toyDataset(two, 1, { train, ...change });
    await refuses(
      made({ inputShape: [3] }),
      "data/shape",
      /2 train examples of 3 values need 6 values and 2 labels, got 4 and 2/,
    );
    await refuses(made({ inputShape: [] }), "data/shape", /whole positive sizes/);
    await refuses(made({ classNames: ["a", "a"] }), "data/classes", /repeat/);
    await refuses(
      made({ train: { ...train, labels: Int32Array.from([0, 2]) } }),
      "data/labels",
      /row 1 has label 2, expected a whole number 0 to 1/,
    );
    await refuses(
      made({ train: { ...train, labels: Int32Array.from([0, 0]) } }),
      "data/classes",
      /"b" has no training example/,
    );
    await refuses(
      made({ train: { ...train, inputs: Float32Array.from([0, 1, NaN, 3]) } }),
      "data/values",
      /train row 1 holds NaN/,
    );
    await refuses(
      made({ train: { inputs: new Uint8Array(0), labels: new Int32Array(0), count: 0 } }),
      "data/empty",
      /no examples/,
    );
    await refuses(made({ scale: 0 }), "data/values", /scale must be positive/);
    const flat = toyDataset(two, 1, { train: { ...train, inputs: Uint8Array.from([7, 7, 7, 7]) } });
    await refuses(() => flat.standardised(), "data/values", /all training values are the same/);
  });
});

describe("few-shot", () => {
  const count = fc.integer({ min: 1, max: 6 });
  const seed = fc.integer({ min: -1000, max: 1000 });

  test("shots: n rows of each class, class after class, nested, keyed (property)", () => {
    const toy = toyDataset(letters, 6);
    fc.assert(
      fc.property(count, seed, fc.nat(9), (shots, seed, episode) => {
        const { support } = toy.shots(shots, { seed, episode });
        assert.deepEqual(
          [...toy.labels("train", support)],
          letters.flatMap((_, label) => Array<number>(shots).fill(label)),
        );
        assert.equal(new Set(support).size, support.length);
        assert.deepEqual(toy.shots(shots, { seed, episode }).support, support);
        const one = toy.shots(1, { seed, episode }).support;
        one.forEach((row, label) => assert.equal(row, support[label * shots]));
      }),
    );
  });

  test("other seeds and episodes draw other rows, each row equally often", () => {
    const toy = toyDataset(["a", "b"], 50);
    const draws = [0, 1, 2].flatMap((seed) =>
      [0, 1, 2].map((episode) => String(toy.shots(10, { seed, episode }).support)),
    );
    assert.equal(new Set(draws).size, 9);
    const drawn = new Float64Array(toy.train.count);
    const times = 2000;
    for (let seed = 0; seed < times; seed++) for (const row of toy.shots(5, { seed }).support) drawn[row]++;
    // Binomial with mean 200 and deviation 13.4; five deviations for the largest of 100.
    assert.ok(
      drawn.every((n) => Math.abs(n - times * 0.1) < 5 * 13.5),
      String(drawn),
    );
  });

  test("episodes: support and queries are disjoint and labelled by the task's classes (property)", () => {
    const toy = toyDataset(letters, 8);
    fc.assert(
      fc.property(
        count,
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 2, max: 5 }),
        seed,
        (shots, queries, ways, seed) => {
          const episode = toy.episode({ shots, queries, ways, seed });
          const { classes, support, supportLabels, queryLabels } = episode;
          assert.equal(new Set(classes).size, ways);
          const rows = [...support, ...episode.queries];
          assert.equal(new Set(rows).size, ways * (shots + queries));
          const labels = [...supportLabels, ...queryLabels].map((label) => classes[label]);
          assert.deepEqual([...toy.labels("train", rows)], labels);
        },
      ),
    );
  });

  test("a split shares no row, loses none, keeps each class and the test split (property)", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 20 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        seed,
        (each, fraction, seed) => {
          const toy = toyDataset(["a", "b"], each);
          const [kept, held] = toy.split(fraction, seed);
          const identity = (part: Dataset): string[] =>
            Array.from({ length: part.train.count }, (_, row) =>
              String(part.train.inputs.subarray(2 * row, 2 * row + 2)),
            );
          const all = [...identity(kept), ...identity(held)].sort();
          assert.deepEqual(all, identity(toy).sort());
          assert.equal(held.rows("train")[0].length, Math.min(each - 1, Math.max(1, Math.round(fraction * each))));
          assert.equal(kept.test, toy.test);
          assert.equal(held.test, toy.test);
          assert.deepEqual(toy.split(fraction, seed)[1].train, held.train);
        },
      ),
    );
  });

  test("refuses what can't be drawn", async () => {
    const toy = toyDataset(letters, 4);
    await refuses(() => toy.shots(5, { seed: 0 }), "data/shots", /5 shots need 5 examples of class "A", toy has 4/);
    await refuses(() => toy.shots(0, { seed: 0 }), "data/shots", /whole number from 1, got 0/);
    await refuses(() => toy.shots(1.5, { seed: 0 }), "data/shots", /got 1.5/);
    await refuses(() => toy.episode({ shots: 3, queries: 2, seed: 0 }), "data/shots", /3 shots and 2 queries need 5/);
    await refuses(() => toy.episode({ shots: 1, queries: 1, ways: 6, seed: 0 }), "data/classes", /ways must be 2 to 5/);
    for (const fraction of [0, 1, -1, NaN])
      await refuses(() => toy.split(fraction, 0), "data/fraction", /between 0 and 1/);
    await refuses(
      () => toyDataset(letters, 1).split(0.5, 0),
      "data/shots",
      /class "A" has 1 example, holding some out needs 2/,
    );
  });
});
