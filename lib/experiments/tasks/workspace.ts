import type * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { catalogue, type Dataset, dataset } from "../../data/index.js";
import { TwotempError } from "../../errors.js";
import {
  cellStages,
  cnn,
  invarianceStages,
  lenet,
  mlp,
  mobilenet,
  operationNetwork,
  resnet,
  vgg,
} from "../../models/index.js";
import { type GateKind, type SearchSpace, searchSpace } from "../../space/index.js";

type BuilderName = "mlp" | "cnn" | "lenet" | "vgg" | "resnet" | "mobilenet" | "cell" | "invariance";
type Shape = { readonly inputShape: readonly number[]; readonly classes: number };

/** A builder, and what it takes from the experiment, as plain data; the values it checks itself. */
interface Builder {
  readonly build: (options: never) => tf.LayersModel;
  readonly takes: readonly string[];
}

const builder = <Options>(
  build: (options: Options) => tf.LayersModel,
  ...takes: readonly Exclude<keyof Options & string, keyof Shape>[]
): Builder => ({ build, takes });

const builders: Readonly<Record<BuilderName, Builder>> = {
  mlp: builder(mlp, "hidden", "activation", "initializer"),
  cnn: builder(cnn, "filters", "dense", "batchNorm"),
  lenet: builder(lenet),
  vgg: builder(vgg, "depth", "width", "dense", "batchNorm"),
  resnet: builder(resnet, "depth", "filters"),
  mobilenet: builder(mobilenet, "width", "halvings"),
  cell: builder(({ inputShape, classes }: Shape) => operationNetwork({ inputShape, classes, stages: cellStages() })),
  invariance: builder(({ inputShape, classes }: Shape) =>
    operationNetwork({ inputShape, classes, stages: invarianceStages() }),
  ),
};

const option = z.union([z.number(), z.string().max(100), z.boolean(), z.array(z.number()).max(100)]);

type ModelOption = string | number | boolean | readonly number[];

/** A model and its gates, as data. */
export interface SpaceData {
  readonly model: { readonly builder: BuilderName } & Readonly<Record<string, ModelOption>>;
  readonly gates: GateKind;
}

/** Which examples are searched, and which are held out for choosing learning rates. */
export interface SourceData {
  readonly name: string;
  /** Fraction of each class's training examples that no search sees. Default 0.2. */
  readonly heldOut: number;
  /**
   * About how many examples the search sees, as many of each class as can be and one at least. Default: all that aren't held out.
   */
  readonly examples?: number;
  /** "shuffled" gives the examples that the search sees each other's labels; those held out keep theirs. Default "true". */
  readonly labels: "true" | "shuffled";
  /** What is done to the images of source and target. Default nothing. */
  readonly images: ImageData;
  readonly seed: number;
}

/** What is done to images, so that those of different sizes and channels fit one model. */
export interface ImageData {
  readonly grey?: boolean;
  /** Height and width in pixels. */
  readonly size?: number;
}

export const spaceSchema: z.ZodType<SpaceData> = z.strictObject({
  model: z
    .object({ builder: z.enum(Object.keys(builders) as [BuilderName]) })
    .catchall(option)
    .superRefine(({ builder: name, ...options }, context) => {
      const { takes } = builders[name];
      for (const key of Object.keys(options).filter((key) => !takes.includes(key))) {
        const known = takes.length > 0 ? takes.join(", ") : "nothing else";
        context.addIssue({ code: "custom", path: [key], message: `${name} takes ${known}` });
      }
    }),
  gates: z.enum(["input", "weight", "unit", "block", "op"]),
}) as z.ZodType<SpaceData>;

/** A data set of the catalogue, with a selection of its classes or without. */
export const dataName: z.ZodType<string, string> = z
  .string()
  .max(200)
  .refine((name) => catalogue.some((entry) => entry.name === name.split(":")[0]), {
    error: ({ input }) => `unknown data set "${String(input)}"; known: ${catalogue.map(({ name }) => name).join(", ")}`,
  });

export const sourceSchema: z.ZodType<SourceData, Partial<SourceData>> = z.strictObject({
  name: dataName,
  heldOut: z.number().gt(0).lt(1).default(0.2),
  examples: z.number().int().positive().optional(),
  labels: z.enum(["true", "shuffled"]).default("true"),
  images: z
    .strictObject({ grey: z.boolean().optional(), size: z.number().int().positive().max(512).optional() })
    .default({}),
  seed: z.number().int().default(0),
});

/** Data sets stay in memory from one task of a process to the next, so many of them. */
const remembered = 4;
const datasets = new Map<string, Promise<Dataset>>();

async function load(name: string, images: ImageData): Promise<Dataset> {
  const key = JSON.stringify([name, images.grey, images.size]);
  let found = datasets.get(key);
  if (!found) {
    found = dataset(name).then(async (whole) => {
      const coloured = images.grey ? whole.grey() : whole;
      return images.size === undefined || coloured.inputShape[0] === images.size
        ? coloured
        : coloured.resized(images.size);
    });
    datasets.set(key, found);
    if (datasets.size > remembered) datasets.delete(datasets.keys().next().value as string);
  }
  try {
    return await found;
  } catch (error) {
    datasets.delete(key);
    throw error;
  }
}

/** The source in its own scale, what the search sees of it, and what is held out. */
export async function openSource({ name, heldOut, examples, labels, images, seed }: SourceData): Promise<{
  source: Dataset;
  seen: Dataset;
  heldOut: Dataset;
}> {
  const source = (await load(name, images)).standardised();
  const [rest, held] = source.split(heldOut, seed);
  const seen = examples === undefined || examples === rest.train.count ? rest : some(rest, examples, seed);
  return { source, seen: labels === "shuffled" ? seen.shuffledLabels(seed) : seen, heldOut: held };
}

/** About so many examples, the same part of each class and one at least. */
function some(rest: Dataset, examples: number, seed: number): Dataset {
  if (examples > rest.train.count) {
    throw new TwotempError(
      "experiments/examples",
      `${rest.name} has ${rest.train.count} examples that aren't held out, not ${examples}`,
    );
  }
  return rest.split(1 - examples / rest.train.count, seed)[0];
}

/** The target in the scale and with the images of the source. */
export async function openTarget(name: string, source: Dataset, images: ImageData = {}): Promise<Dataset> {
  return (await load(name, images)).standardised(source);
}

/** The search space of a source. */
export function openSpace({ model: { builder: name, ...options }, gates }: SpaceData, source: Dataset): SearchSpace {
  const build = builders[name].build as unknown as (options: Shape) => tf.LayersModel;
  const model = build({ ...options, inputShape: source.inputShape, classes: source.classCount });
  return searchSpace(model, { gates });
}

/** The hashes of the files behind data sets, so that a record says which bytes it was made from. */
export function dataHashes(...sets: readonly Dataset[]): string[] {
  return [...new Set(sets.flatMap(({ provenance }) => provenance.files.map(({ sha256 }) => sha256)))].sort();
}
