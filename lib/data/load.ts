import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { TwotempError } from "../errors.js";
import { interruptible } from "../interrupt.js";
import type { WorkOptions } from "../progress.js";
import { unpack } from "./archives.js";
import { catalogue, type CatalogueEntry } from "./catalogue.js";
import type { Dataset } from "./dataset.js";
import { download, withLock } from "./download.js";
import { dataFolders, filesIn, findFiles, projectFolder } from "./folders.js";

/**
 * Loads a data set by name, with a selection of its classes after a colon if only some are wanted.
 *
 * Its files are looked for in the folders that `TWOTEMP_DATASETS` lists, then in `datasets/`, then downloaded into
 * `datasets/`. A download that is stopped goes on where it was when it is asked for again.
 *
 * @param name - a name of the {@link catalogue}, or `name:classes` as {@link Dataset.classes} takes them
 * @throws TwotempError `data/name` for an unknown name, `data/path` or `data/download` if its files can't be had, and the
 * errors of its reader
 * @example
 * ```ts
 * const letters = await tt.dataset("emnist-letters");
 * const source = await tt.dataset("digits:0-4");
 * ```
 */
export async function dataset(name: string, options: WorkOptions = {}): Promise<Dataset> {
  const colon = typeof name === "string" ? name.indexOf(":") : -1;
  const base = colon === -1 ? name : name.slice(0, colon);
  const entry = catalogue.find((candidate) => candidate.name === base);
  if (!entry) {
    const known = catalogue.map((candidate) => candidate.name).join(", ");
    throw new TwotempError("data/name", `unknown data set ${JSON.stringify(base)}; known: ${known}`);
  }
  const whole = await interruptible(options.signal, async (signal) => {
    const paths =
      findFiles(entry.name, entry.files) ?? (await fetchFiles(entry, projectFolder, { ...options, signal }));
    return entry.read(paths, signal);
  });
  return colon === -1 ? whole : whole.classes(name.slice(colon + 1));
}

/**
 * Downloads the files of a data set into its own folder in `home`; an archive is unpacked, then removed.
 *
 * @returns their paths
 * @throws TwotempError `data/path` if they can't be downloaded, `data/download`, `data/archive`
 */
export async function fetchFiles(
  entry: Pick<CatalogueEntry, "name" | "files" | "sources">,
  home: string,
  options: WorkOptions = {},
): Promise<string[]> {
  if (entry.sources.length === 0) {
    const folders = [...new Set(dataFolders())].map((folder) => join(folder, entry.name)).join(" or ");
    throw new TwotempError(
      "data/path",
      `${entry.name} can't be downloaded: put ${entry.files.join(", ")} into ${folders}`,
    );
  }
  const folder = join(home, entry.name);
  // Over all of it: another process that waited finds the files, not an archive that is being unpacked.
  return withLock(`${folder}.lock`, options.signal, async () => {
    const there = filesIn(folder, entry.files);
    if (there) return there;
    for (const source of entry.sources) {
      const path = await download(source, folder, options).catch(async (error: unknown) => {
        await rmdir(folder).catch(() => undefined); // one that holds anything stays
        throw error;
      });
      if (!source.members) continue;
      await unpack(path, source.members, folder, options.signal);
      await rm(path);
    }
    return entry.files.map((file) => join(folder, file));
  });
}
