import { InvalidArgumentError } from "commander";
import type { Experiment } from "../experiments/index.js";

/** Reads the value of an option that has to be a whole number from 1. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It has to be a whole number from 1.");
  return value;
}

/** Reads the value of an option that has to name a folder. */
export function folderName(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It has to be the name of a folder.");
  return text;
}

/** Reads the value of an option that has to be a number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError("It has to be a number above 0.");
  return value;
}

/** Starts the engine with one thread, as every task of an experiment has, and reads the experiment. */
export async function openExperiment(name: string, options: { engine?: string }): Promise<Experiment> {
  const { ready } = await import("../engine/index.js");
  const { readExperiment } = await import("../experiments/index.js");
  const experiment = readExperiment(name);
  await ready({ threads: 1, ...(options.engine && { engine: options.engine as "native" }) });
  return experiment;
}

/** A signal that aborts on the first Ctrl-C or SIGTERM; the second ends the process. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}
