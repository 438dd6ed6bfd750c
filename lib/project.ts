import { resolve } from "node:path";

/** The project's own folder, where `figures/`, `runs/` and `datasets/` are, wherever a notebook was started. */
export const projectRoot: string = resolve(__dirname, "../..");
