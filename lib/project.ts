import { join, resolve } from "node:path";
import { isQuick } from "./settings.js";

/** The project's own folder, where `figures/`, `runs/` and `datasets/` are, wherever a notebook was started. */
export const projectRoot: string = resolve(__dirname, "../..");

/**
 * The folder in which `runs/` and `figures/` are written: the project's own; under `TWOTEMP_QUICK=1` `build/quick`, so that a
 * quick run replaces no committed figure.
 */
export function outputRoot(): string {
  return isQuick() ? join(projectRoot, "build", "quick") : projectRoot;
}
