import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { outputRoot, projectRoot } from "../project.js";
import { saveTransfer, type TransferResult } from "../transfer/index.js";
import type { Figure } from "./figure.js";
import { saveFigure } from "./stills.js";

/** `digits:0-4` to `digits-0-4`, for file names. */
const slug = (text: string): string => text.replaceAll(/[^\w.-]+/g, "-");

/**
 * Keeps a transfer result and its figures: tables in `runs/<name>/`, pictures in `figures/`, each with its data beside it,
 * and the list of the pictures in `runs/<name>/figures.json`. Under `TWOTEMP_QUICK=1` both folders are in `build/quick/`.
 *
 * @param name - of the run, for example `quickstart`
 * @param figures - by the last part of their file names: `<name>-<source>-to-<target>-<part>`
 * @returns the files, relative to the project
 * @example
 * ```ts
 * await saveRun("quickstart", result, { transfer: figures.transfer(result) });
 * ```
 */
export async function saveRun(
  name: string,
  result: TransferResult,
  figures: Readonly<Record<string, Figure>>,
): Promise<string[]> {
  const folder = saveTransfer(name, result);
  const [{ source, target }] = result.records;
  const stem = `${name}-${slug(source)}-to-${slug(target)}`;
  const files: string[] = [];
  for (const [part, figure] of Object.entries(figures)) {
    const saved = await saveFigure(figure, join(outputRoot(), "figures", `${stem}-${part}`));
    files.push(...saved.files.map((file) => relative(projectRoot, file)));
    if (saved.missing) console.log(saved.missing);
  }
  writeFileSync(join(folder, "figures.json"), JSON.stringify(files, null, 1));
  return files;
}
