import { z } from "zod";
import {
  type Baseline,
  type BaselineContext,
  baselines,
  type Candidate,
  controls,
  reasonOf,
  TrainedModels,
} from "../baselines/index.js";
import { Dataset } from "../data/index.js";
import { TwotempError } from "../errors.js";
import { shown } from "../invalid.js";
import { interruptible } from "../interrupt.js";
import type { WorkOptions } from "../progress.js";
import { Architecture, type SearchSpace } from "../space/index.js";
import { type Arm, Comparison } from "./comparison.js";
import { TransferResult } from "./result.js";

/** What {@link transfer} takes. */
export interface TransferOptions extends WorkOptions {
  /** The examples that the search saw; baselines that look at data see the same. */
  readonly source: Dataset;
  /** Source examples that no search saw: learning rates are chosen on few-shot tasks drawn from them. */
  readonly heldOut: Dataset;
  /** Training examples a class of the target. Default [1, 5, 10]. */
  readonly shots?: readonly number[];
  /** Retrainings of each architecture, each with its own shots and initial weights. Default 5. */
  readonly retrainings?: number;
  /**
   * Initial draws of each set of shots: more than 1 crosses them, so that what shots and draws add to the variance can be told
   * apart; `retrainings` is a multiple. Default 1: each retraining has its own shots and its own draw.
   */
  readonly draws?: number;
  /** What to compare with: baselines or names of `baselines`. Default every control that makes sense for the space. */
  readonly arms?: readonly (Baseline | string)[];
  /** Random architectures a random arm. Default 20. */
  readonly randomCount?: number;
  /** Steps of a retraining. Default 150. */
  readonly steps?: number;
  /**
   * What is learned from the shots: "train" trains the whole network by Adam; "ridge" leaves the body's fresh weights as
   * they are and solves the head by ridge regression. Default "train".
   */
  readonly head?: "train" | "ridge";
  /** Learning rates that every arm tries. Default 0.001, 0.003 and 0.01. */
  readonly learningRates?: readonly number[];
  /** Ridge penalties that every arm tries, relative to the kernel's mean diagonal. Default 0.01, 0.1 and 1. */
  readonly penalties?: readonly number[];
  /** Test examples of the target that judge, spread evenly over its test split. Default all. */
  readonly testExamples?: number;
  /** Few-shot tasks of the source on which each learning rate or penalty is tried. Default 4. */
  readonly tuningTasks?: number;
  /** Most architectures of an arm with which learning rates are tried. Default 5. */
  readonly tuningArchitectures?: number;
  /** How the full model is trained on the source, for arms that start from it. Default 2,000 steps of 64, 0.003. */
  readonly training?: { readonly steps: number; readonly batch: number; readonly stepSize: number };
  /** Default 0. */
  readonly seed?: number;
}

const count = z.int().positive();
const positive = z.number().positive();
/** An option that may be left out, and what it must be, for people. */
const option = (type: z.ZodType, wanted: string): z.ZodType => type.optional().describe(wanted);
const countOption = option(count, "a whole number from 1");
const triesOption = option(z.array(positive).min(1), "numbers above 0");
const dataOption = z.instanceof(Dataset).describe("a data set");
const shape: Readonly<Record<keyof TransferOptions, z.ZodType>> = {
  source: dataOption,
  heldOut: dataOption,
  shots: option(z.array(count).min(1), "whole numbers from 1"),
  retrainings: countOption,
  draws: countOption,
  arms: option(
    z.array(z.union([z.string(), z.looseObject({ name: z.string(), candidates: z.any(), refuses: z.any() })])),
    "a list of baselines or their names",
  ),
  randomCount: countOption,
  steps: countOption,
  head: option(z.enum(["train", "ridge"]), '"train" or "ridge"'),
  learningRates: triesOption,
  penalties: triesOption,
  testExamples: countOption,
  tuningTasks: countOption,
  tuningArchitectures: countOption,
  training: option(
    z.strictObject({ steps: count, batch: count, stepSize: positive }).partial(),
    "{ steps, batch, stepSize }, whole numbers from 1 and a number above 0",
  ),
  seed: option(z.int(), "a whole number"),
  onProgress: option(z.function(), "a function"),
  signal: option(z.any(), "an AbortSignal"),
};
const schema = z.strictObject(shape).describe("an object with source and heldOut");

/**
 * How well learned architectures do on a new data set from a few examples, beside their controls.
 *
 * Each architecture is re-initialised (unless its arm brings weights) and retrained `retrainings` times on `shots`
 * examples a class of the target, then judged by the target's test examples, which are looked at once. Retraining number r has the same shots and the same
 * initial draw in every arm. Each arm's learning rate is the best of `learningRates` on few-shot tasks from `heldOut`:
 * no label of the target beyond the shots is used. Stopped, by `signal` or by a notebook's Stop button, it returns what
 * is complete: all retrainings of an arm at a number of shots, or none.
 *
 * @param space - the space in which the architectures were learned
 * @param learned - one architecture a search seed
 * @param target - examples of the source's input shape, any number of classes
 * @returns records, summaries and effects; see {@link TransferResult}
 * @throws TwotempError `transfer/options`, `transfer/draws`, `transfer/learned`, `transfer/input-shape`, `data/shots`
 * @example
 * ```ts
 * const [seen, heldOut] = source.split(0.2, 0);
 * const result = await transfer(space, learned, target, { source: seen, heldOut, shots: [5] });
 * show(result);
 * ```
 */
export async function transfer(
  space: SearchSpace,
  learned: readonly Architecture[],
  target: Dataset,
  options: TransferOptions,
): Promise<TransferResult> {
  checkOptions(options);
  return interruptible(options.signal, (signal) => transferUntil(space, learned, target, { ...options, signal }));
}

async function transferUntil(
  space: SearchSpace,
  learned: readonly Architecture[],
  target: Dataset,
  options: TransferOptions,
): Promise<TransferResult> {
  const { source, heldOut, retrainings = 5, randomCount = 20, steps = 150, seed = 0, signal } = options;
  const { draws = 1 } = options;
  const shots = options.shots ?? [1, 5, 10];
  const { head = "train", learningRates = [0.001, 0.003, 0.01], penalties = [0.01, 0.1, 1] } = options;
  const { testExamples, tuningTasks = 4, tuningArchitectures = 5 } = options;
  const wanted = armsOf(options.arms ?? controls);
  if (retrainings % draws !== 0) {
    throw new TwotempError(
      "transfer/draws",
      `${retrainings} retrainings can't have ${draws} draws of each set of shots`,
    );
  }
  checkLearned(space, learned);
  if (target.inputShape.join() !== source.inputShape.join()) {
    throw new TwotempError(
      "transfer/input-shape",
      `${target.name} has examples of [${target.inputShape.join(", ")}], the source of [${source.inputShape.join(", ")}]`,
    );
  }
  checkModel(space, source);
  checkShots(shots, target, heldOut);
  const training = { steps: 2000, batch: 64, stepSize: 0.003, ...options.training };
  const refused: { arm: string; reason: string }[] = [];
  const arms: Arm[] = [
    { name: "learned", label: "learned", candidates: learned.map((architecture) => ({ architecture })) },
  ];
  const trained = new TrainedModels(space, source, { ...training, seed, signal, onProgress: options.onProgress });
  try {
    for (const arm of wanted) {
      const made = await candidatesOf(arm, { space, source, learned, randomCount, seed, trained, signal });
      if (typeof made === "string") refused.push({ arm: arm.name, reason: made });
      else arms.push({ name: arm.name, label: arm.label, candidates: made });
    }

    const comparison = new Comparison(arms, {
      gates: [...new Set(space.groups.map((group) => group.kind))].join("+"),
      source: source.name,
      target,
      heldOut,
      shots,
      head,
      tries: head === "ridge" ? penalties : learningRates,
      steps,
      retrainings,
      draws,
      testExamples,
      tuningTasks,
      tuningArchitectures,
      seed,
      signal,
      onProgress: options.onProgress,
    });
    try {
      await comparison.run();
    } catch (error) {
      // Stopped: what is complete is kept.
      if (!signal?.aborted || comparison.records.length === 0) throw error;
    }
    return new TransferResult(
      comparison.records,
      comparison.tuning,
      arms.map(({ name, label }) => ({ name, label })),
      refused,
      seed,
    );
  } finally {
    for (const candidate of arms.flatMap(({ candidates }) => candidates)) candidate.dispose?.();
  }
}

/** What an arm proposes, or why it proposes nothing, which it may find out on the way. */
async function candidatesOf(arm: Baseline, context: BaselineContext): Promise<Candidate[] | string> {
  const reason = arm.refuses(context.space, context.learned);
  if (reason) return reason;
  try {
    return await arm.candidates(context);
  } catch (error) {
    const late = reasonOf(error);
    if (late === undefined) throw error;
    return late;
  }
}

function invalid(name: string, value: unknown, wanted: string): TwotempError {
  return new TwotempError("transfer/options", `${name} must be ${wanted}; got ${shown(value)}`);
}

/** Refuses unknown options, and values that can't be. */
function checkOptions(options: TransferOptions): void {
  const [issue] = schema.safeParse(options).error?.issues ?? [];
  if (!issue) return;
  const [name] = issue.path as (keyof TransferOptions)[];
  if (name !== undefined) throw invalid(name, options[name], shape[name].description!);
  if (issue.code !== "unrecognized_keys") throw invalid("options", options, schema.description!);
  throw new TwotempError(
    "transfer/options",
    `unknown option ${issue.keys.join(", ")}: use ${Object.keys(shape).join(", ")}`,
  );
}

/** Baselines, looked up where they are given by name; each may be there once. */
function armsOf(given: readonly (Baseline | string)[]): Baseline[] {
  const arms = given.map((arm) => {
    if (typeof arm !== "string") return arm;
    if (Object.hasOwn(baselines, arm)) return baselines[arm];
    throw new TwotempError(
      "transfer/options",
      `unknown arm ${JSON.stringify(arm)}: use one of ${Object.keys(baselines).join(", ")}`,
    );
  });
  const names = ["learned", ...arms.map(({ name }) => name)];
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated === undefined) return arms;
  throw new TwotempError(
    "transfer/options",
    `arms must be different ones, none of them called learned; got ${repeated} twice`,
  );
}

/** Refuses what isn't a list of architectures of this space. */
function checkLearned({ model }: SearchSpace, learned: readonly Architecture[]): void {
  const refuse = (what: string): never => {
    throw new TwotempError("transfer/learned", what);
  };
  if (!Array.isArray(learned)) refuse(`learned must be a list of architectures; got ${shown(learned)}`);
  if (learned.length === 0) refuse("no learned architecture was given");
  learned.forEach((architecture, i) => {
    if (!(architecture instanceof Architecture)) {
      refuse(`learned ${i} must be an architecture, as search.architecture() gives; got ${shown(architecture)}`);
    }
    if (architecture.space.model !== model) refuse(`learned architecture ${i} is of another space than the one given`);
  });
}

/** Refuses data that the model doesn't read. */
function checkModel({ model }: SearchSpace, source: Dataset): void {
  const shapes = model.inputs.map(({ shape }) => shape.slice(1).join(", "));
  if (shapes.length !== 1 || shapes[0] !== source.inputShape.join(", ")) {
    throw new TwotempError(
      "transfer/input-shape",
      `the model reads [${shapes.join("] and [")}], ${source.name} has examples of [${source.inputShape.join(", ")}]`,
    );
  }
}

/** Refuses shots that target or held-out examples can't give, before anything is trained. */
function checkShots(shots: readonly number[], target: Dataset, heldOut: Dataset): void {
  const most = Math.max(...shots);
  // Held-out classes are asked about at least one more example.
  for (const [set, left] of [
    [target, 0],
    [heldOut, 1],
  ] as const) {
    const smallest = Math.min(...set.rows("train").map(({ length }) => length));
    if (most > smallest - left) {
      const use = left ? `, of which ${left} is asked about` : "";
      throw new TwotempError(
        "data/shots",
        `${most} shots: ${set.name} has a class of ${smallest} training examples${use}`,
      );
    }
  }
}
