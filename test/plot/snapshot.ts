import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const folder = resolve(__dirname, "../../../test/plot/snapshots");

/** Compares a value with its committed JSON, numbers to 3 decimals; `UPDATE_SNAPSHOTS=1` writes it instead. */
export function matchesSnapshot(name: string, value: unknown): void {
  const rounded = JSON.stringify(value, (_, part: unknown) =>
    typeof part === "number" ? Number(part.toFixed(3)) : part,
  );
  const file = join(folder, `${name}.json`);
  if (process.env.UPDATE_SNAPSHOTS === "1") {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, `${rounded}\n`);
    return;
  }
  assert.ok(existsSync(file), `there is no snapshot ${file}: look at the figure, then run with UPDATE_SNAPSHOTS=1`);
  assert.deepEqual(JSON.parse(rounded), JSON.parse(readFileSync(file, "utf8")));
}
