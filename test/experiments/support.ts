import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { sha256 } from "../../lib/experiments/canonical.js";
import type { ExperimentStamp } from "../../lib/experiments/record.js";
import { makeTask, type Task } from "../../lib/experiments/task.js";
import "./kinds.js";

export const stamp: ExperimentStamp = { name: "walks", hash: sha256("walks") };

/** The module that defines the kinds of these tests, for worker processes. */
export const kindsModule: string = join(__dirname, "kinds.js");

/** An empty folder that goes when the test ends. */
export function emptyFolder(context: Pick<TestContext, "after">): string {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-test-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function walks(count: number, settings: object = {}): Task[] {
  return Array.from({ length: count }, (_, seed) => makeTask("walk", { seed, ...settings }));
}

/** Every record of a store, byte for byte, by identity. */
export function recordBytes(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  const records = join(folder, "records");
  for (const shard of readdirSync(records).sort()) {
    for (const file of readdirSync(join(records, shard)).sort()) {
      // What a killed process was about to write; a store sweeps it out once it is old.
      if (file.endsWith(".tmp")) continue;
      found.set(file, readFileSync(join(records, shard, file), "utf8"));
    }
  }
  return found;
}
