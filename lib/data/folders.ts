import { existsSync } from "node:fs";
import { delimiter, isAbsolute, join, relative, resolve } from "node:path";
import { TwotempError } from "../errors.js";

/** The data folder of the project itself, into which downloads go. */
export const projectFolder: string = resolve(__dirname, "../../../datasets");

/**
 * The folders in which data sets are looked for, in order: those that the environment variable `TWOTEMP_DATASETS` lists
 * (between `:`, on Windows `;`), then the project's `datasets/`.
 */
export function dataFolders(): string[] {
  const listed = (process.env.TWOTEMP_DATASETS ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...listed.map((folder) => resolve(folder)), projectFolder];
}

/**
 * The paths of a data set's files in the first folder that has all of them, or undefined.
 *
 * A file may be there without its `.gz`.
 */
export function findFiles(name: string, files: readonly string[]): string[] | undefined {
  for (const folder of dataFolders()) {
    const paths = filesIn(join(folder, name), files);
    if (paths) return paths;
  }
  return undefined;
}

/** The paths of files in a folder that has all of them, or undefined; a file may be there without its `.gz`. */
export function filesIn(folder: string, files: readonly string[]): string[] | undefined {
  const paths = files.map((file) => {
    const path = join(folder, file);
    return existsSync(path) ? path : path.replace(/\.gz$/, "");
  });
  return paths.every((path) => existsSync(path)) ? paths : undefined;
}

/**
 * The path of a name inside a folder.
 *
 * @throws TwotempError `data/path` if it would lead out of it
 */
export function pathInside(folder: string, name: string): string {
  const path = resolve(folder, name);
  const inside = relative(resolve(folder), path);
  if (inside === "" || inside.startsWith("..") || isAbsolute(inside) || name.includes("\0")) {
    throw new TwotempError("data/path", `${JSON.stringify(name)} leads out of ${folder}`);
  }
  return path;
}
