import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { sha256 } from "./canonical.js";

/** The code of a compiled module without what can't change a result: lines of comments, indentation, empty lines. */
export function essence(source: string): string {
  const kept: string[] = [];
  let inComment = false;
  for (const line of source.split("\n").map((text) => text.trim())) {
    const starts = !inComment && line.startsWith("/*");
    if (starts || inComment) {
      inComment = !line.includes("*/");
      continue;
    }
    if (line !== "" && !line.startsWith("//")) kept.push(line);
  }
  return kept.join("\n");
}

/** Imports, and modules that are started as threads by their path. */
const reached = /\b(?:require\(|join\)?\(__dirname, )"([^"]+\.js)"\)/g;
/** Compiled into the native engine; read through this module alone. */
const nativeModule = join("engine", "native.js");
const nativeSources = join("..", "..", "..", "lib", "engine", "binding");

/**
 * The files of this package that a compiled module reaches, itself included: by imports, as threads, and the sources of what
 * the native engine has of its own.
 */
export function importedModules(entry: string): string[] {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    for (const [, path] of readFileSync(file, "utf8").matchAll(reached)) {
      const inside = resolve(dirname(file), path);
      if (existsSync(inside)) visit(inside); // otherwise of another package
    }
    if (!file.endsWith(nativeModule)) return;
    const sources = resolve(dirname(file), nativeSources);
    for (const name of readdirSync(sources)) found.add(join(sources, name));
  };
  visit(resolve(entry));
  return [...found].sort();
}

const versions = new Map<string, string>();

/**
 * The version of the code that decides a task's result: a hash of every file of this package that the module which
 * executes it reaches ({@link importedModules}), comments and indentation aside.
 *
 * So a change to the search redoes searches and all that follows from them, a change to a figure redoes nothing, and
 * nobody has to remember to raise a number. Other packages are pinned by the lock file and don't count.
 *
 * @param entry - absolute path of the compiled module (its `__filename`)
 * @returns 16 hexadecimal digits
 */
export function codeVersion(entry: string): string {
  let version = versions.get(entry);
  if (version === undefined) {
    const parts = importedModules(entry).map(
      (file) => `${relative(dirname(entry), file)}\n${essence(readFileSync(file, "utf8"))}`,
    );
    version = sha256(parts.join("\n\0\n")).slice(0, 16);
    versions.set(entry, version);
  }
  return version;
}
