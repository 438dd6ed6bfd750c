import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { pathInside } from "../data/folders.js";
import { TwotempError } from "../errors.js";
import { outputRoot } from "../project.js";
import type { TransferResult } from "./result.js";

/**
 * Writes a result to `runs/<name>/`: `effects.csv`, `records.jsonl`, `tuning.jsonl` and `summary.txt`.
 * Under `TWOTEMP_QUICK=1` the folder is `build/quick/runs/<name>/`.
 *
 * @param name - a folder name, for example `quickstart`
 * @returns the folder
 * @throws TwotempError `transfer/name` unless the name is one, `data/path` if it leads out of `runs/`
 */
export function saveTransfer(name: string, result: TransferResult): string {
  if (typeof name !== "string" || name === "") {
    throw new TwotempError("transfer/name", `a run needs a folder name such as "quickstart", got ${inspect(name)}`);
  }
  const folder = pathInside(join(outputRoot(), "runs"), name);
  mkdirSync(folder, { recursive: true });
  const lines = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row) + "\n").join("");
  writeFileSync(join(folder, "effects.csv"), result.effectsCsv());
  writeFileSync(join(folder, "records.jsonl"), lines(result.records));
  writeFileSync(join(folder, "tuning.jsonl"), lines(result.tuning));
  writeFileSync(join(folder, "summary.txt"), `${result.toString()}\n`);
  return folder;
}
