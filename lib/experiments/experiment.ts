import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { TwotempError } from "../errors.js";
import { projectRoot } from "../project.js";
import { canonicalJson, isPlainObject, sha256, type Json } from "./canonical.js";
import { guarded } from "./files.js";
import type { ExperimentStamp } from "./record.js";
import { firstIssue, type Task } from "./task.js";

/** What a task is in the experiment's own words: columns of its rows in every table. */
export type Labels = Readonly<Record<string, Json>>;

export interface PlannedTask {
  readonly task: Task;
  readonly labels: Labels;
}

/** A way to make tasks from an experiment's settings. */
export interface Design<Settings = unknown> {
  readonly name: string;
  /** Of everything in the experiment but its header. */
  readonly settings: z.ZodType<Settings>;
  /** How many tasks {@link expand} will make, found without making them. */
  count(settings: Settings): number;
  expand(settings: Settings): PlannedTask[];
}

const designs = new Map<string, Design>();

/** Makes a design known, so that experiment files can name it. */
export function defineDesign<Settings>(design: Design<Settings>): void {
  designs.set(design.name, design as Design);
}

/** An experiment: what is asked, and, by its design, which tasks answer it. */
export interface Experiment {
  readonly name: string;
  readonly title: string;
  /** Pre-registered means written and committed before any of it was run. */
  readonly registration: "pre-registered" | "exploratory";
  readonly hypothesis?: string;
  /** The arm that the hypothesis is judged against. */
  readonly primaryControl?: string;
  readonly stoppingRule?: string;
  readonly design: string;
  /** The design's settings, checked, with defaults filled in. */
  readonly settings: unknown;
  /** SHA-256 of the experiment as it was given, spelling aside; it is in every record. */
  readonly hash: string;
}

const text = z.string().min(1).max(5000);
const headerShape = {
  format: z.literal("twotemp-experiment"),
  formatVersion: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, "expected small letters, digits and hyphens"),
  title: text,
  registration: z.enum(["pre-registered", "exploratory"]),
  hypothesis: text.optional(),
  primaryControl: text.optional(),
  stoppingRule: text.optional(),
  design: z.string().max(60),
};
const headerSchema = z
  .object(headerShape)
  .refine(
    ({ registration, hypothesis, primaryControl, stoppingRule }) =>
      registration === "exploratory" || (hypothesis && primaryControl && stoppingRule),
    { message: "a pre-registered experiment needs hypothesis, primaryControl and stoppingRule" },
  );

/** Most tasks of one experiment. */
const largest = 1_000_000;

/**
 * Checks an experiment.
 *
 * @param data - the parsed file
 * @param source - where it is from, for errors
 * @throws TwotempError `experiments/experiment` naming the first entry that can't be
 * @example
 * ```ts
 * const experiment = parseExperiment({ format: "twotemp-experiment", formatVersion: 1, name: "mine", ... });
 * ```
 */
export function parseExperiment(data: unknown, source: string = "experiment"): Experiment {
  const invalid = (what: string): TwotempError => new TwotempError("experiments/experiment", `${source}: ${what}`);
  if (!isPlainObject(data)) throw invalid("expected an object");
  const header = headerSchema.safeParse(data);
  if (!header.success) throw invalid(firstIssue(header.error));
  const { name, title, registration, hypothesis, primaryControl, stoppingRule, design: designName } = header.data;
  const design = designs.get(designName);
  if (!design) throw invalid(`unknown design ${JSON.stringify(designName)}; known: ${[...designs.keys()].join(", ")}`);
  const rest = Object.fromEntries(Object.entries(data).filter(([key]) => !Object.hasOwn(headerShape, key)));
  const settings = design.settings.safeParse(rest);
  if (!settings.success) throw invalid(firstIssue(settings.error));
  const head = { name, title, registration, hypothesis, primaryControl, stoppingRule, design: designName };
  return { ...head, settings: settings.data, hash: sha256(canonicalJson(data, source)) };
}

/**
 * Reads an experiment file.
 *
 * @param nameOrPath - a path, or the name of a file in the project's `experiments/` without its `.json`
 * @throws TwotempError `experiments/path`, `experiments/experiment`
 */
export function readExperiment(nameOrPath: string): Experiment {
  const named = join(projectRoot, "experiments", `${nameOrPath}.json`);
  const path = /^[\w-]+$/.test(nameOrPath) && existsSync(named) ? named : resolve(nameOrPath);
  if (!existsSync(path)) {
    throw new TwotempError("experiments/path", `no experiment ${nameOrPath}: neither ${path} nor ${named} is there`);
  }
  return parseExperimentText(
    guarded(path, () => readFileSync(path, "utf8")),
    path,
  );
}

/** Checks an experiment in a file's text. */
export function parseExperimentText(content: string, source: string): Experiment {
  let data: unknown;
  try {
    data = JSON.parse(content);
  } catch (error) {
    throw new TwotempError("experiments/experiment", `${source}: not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return parseExperiment(data, source);
}

const described = (labels: Labels): string => Object.values(labels).join(" ");

/**
 * The tasks of an experiment, each once, in the order in which they start.
 *
 * @throws TwotempError `experiments/experiment` if there are more than a million, or two settings are the same
 * @example
 * ```ts
 * planExperiment(readExperiment("e1")).length;
 * ```
 */
export function planExperiment({ name, design, settings }: Experiment): PlannedTask[] {
  const { count, expand } = designs.get(design) as Design;
  const invalid = (what: string): TwotempError => new TwotempError("experiments/experiment", `${name}: ${what}`);
  if (count(settings) > largest) throw invalid(`it has ${count(settings)} tasks, more than ${largest}: split it`);
  let expanded: PlannedTask[];
  try {
    expanded = expand(settings);
  } catch (error) {
    throw error instanceof z.ZodError ? invalid(firstIssue(error)) : error;
  }
  const plan = new Map<string, PlannedTask>();
  const judged = expanded.at(-1)?.task.kind;
  for (const planned of expanded) {
    const { task, labels } = planned;
    const first = plan.get(task.id);
    // What several settings search for alike is called by the first of them; what they compare has to differ.
    if (first && task.kind === judged && canonicalJson(first.labels, name) !== canonicalJson(labels, name)) {
      throw invalid(`${described(first.labels)} and ${described(labels)} are the same ${judged}: leave one out`);
    }
    if (!first) plan.set(task.id, planned);
  }
  return [...plan.values()];
}

export function stampOf({ name, hash }: Experiment): ExperimentStamp {
  return { name, hash };
}

/** Where the records of an experiment are kept unless another folder is named. */
export function storeFolder({ name }: Experiment): string {
  return join(projectRoot, "runs", name);
}
