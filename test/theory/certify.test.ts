import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { run } from "../../lib/cli.js";
import { updates } from "../../lib/relaxation/index.js";
import type { Update } from "../../lib/relaxation/updates/update.js";
import { certify } from "../../lib/theory/index.js";
import { withFault } from "./faults.js";

/** What a command prints, and its exit code. */
async function printed(args: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const { log, error } = console;
  console.log = console.error = (line: string) => lines.push(line);
  try {
    return { code: await run(args), text: lines.join("\n") };
  } finally {
    console.log = log;
    console.error = error;
    process.exitCode = 0;
  }
}

describe("twotemp certify", () => {
  test("prints rows for programs", async () => {
    const { code, text } = await printed(["certify", "--seeds", "2", "--json"]);
    assert.equal(code, 0);
    const rows = JSON.parse(text) as Record<string, unknown>[];
    assert.deepEqual([...new Set(rows.map((row) => row.theorem))].sort(), [1, 2, 3, 4, 5, 8]);
    for (const row of rows) {
      for (const key of ["left", "right", "ratio", "seed"]) assert.equal(typeof row[key], "number", key);
      assert.ok(["mirror", "euler", "adaptive"].includes(row.update as string));
      assert.ok(row.batch === "full" || row.batch === 32);
      assert.equal(row.holds, true);
      assert.ok((row.ratio as number) <= 1 + 1e-9, JSON.stringify(row));
    }
  });

  test("prints a table for people", async () => {
    const { code, text } = await printed(["certify", "--seeds", "1"]);
    assert.equal(code, 0);
    assert.match(text, /^theorem +what is bounded +problem/);
    assert.match(text, /All \d+ inequalities hold\.$/);
  });

  test("exits with 1 when an inequality doesn't hold, as in a program with a fault", async () => {
    const { mirror } = updates;
    const uphill: Update = {
      ...mirror,
      move: (logits, memory, g, v, at) =>
        mirror.move(
          logits,
          memory,
          g.map((x) => -x),
          v,
          at,
        ),
    };
    await withFault("mirror", uphill, async () => {
      const { code, text } = await printed(["certify", "--seeds", "1"]);
      assert.equal(code, 1);
      assert.match(text, /^1 .* mirror .* NO, in 1$/m);
      assert.match(text, /\n\d+ of \d+ inequalities don't hold: a fault of the code; please report it\.$/);
      const rows = await printed(["certify", "--seeds", "1", "--json"]);
      assert.equal(rows.code, 1);
      const broken = (JSON.parse(rows.text) as { holds: boolean; update: string }[]).filter(({ holds }) => !holds);
      assert.deepEqual([...new Set(broken.map(({ update }) => update))], ["mirror"]);
    });
  });

  test("refuses a number of seeds that is none", async () => {
    for (const seeds of ["0", "x", "1.5"]) {
      const { code, text } = await printed(["certify", "--seeds", seeds]);
      assert.deepEqual([code, text], [1, `twotemp: --seeds must be a whole number above 0; got ${seeds}`]);
    }
  });

  test("stops when it is told to", async () => {
    const stop = new AbortController();
    stop.abort();
    assert.deepEqual(await certify({ seeds: 20, signal: stop.signal }), { rows: [], runs: [] });
  });
});
