import { z } from "zod";
import { TwotempError } from "../errors.js";
import { shown } from "../invalid.js";
import type { CifarOptions } from "./cifar.js";
import type { CsvOptions, TableOptions } from "./csv.js";
import type { IdxOptions } from "./idx.js";
import type { ImageFolderOptions } from "./images.js";
import type { ParquetOptions } from "./parquet.js";

/** A schema of options of which none is left out. */
function optionsOf<T>(shape: Record<keyof T, z.ZodType>): z.ZodObject {
  return z.strictObject(shape).partial();
}

const text = z.string();
const column = z.union([text, z.number()], "expected a column's name, or its number from 0");
// What is left unknown is checked where it is used.
const shared = { name: text, provenance: z.unknown(), signal: z.unknown(), onProgress: z.unknown() };
const heldOut = { ...shared, testFraction: z.unknown(), seed: z.int() };
const pictures = { size: z.unknown(), channels: z.unknown(), background: z.unknown() };
const table = {
  label: column,
  ignore: z.array(column),
  columns: z.enum(["standardised", "raw"]),
  inputShape: z.array(z.number()),
  rawMaximum: z.number(),
};

type Kind = "a table" | "a DataFrame" | "a folder of pictures" | "a Parquet file" | "an IDX file" | "a CIFAR file";

/** What is read, and the options that make sense for it. */
const schemas: Record<Kind, z.ZodObject> = {
  "a table": optionsOf<CsvOptions>({ ...table, test: text, header: z.boolean(), delimiter: text, ...heldOut }),
  "a DataFrame": optionsOf<TableOptions>({ ...table, ...heldOut }),
  "a folder of pictures": optionsOf<ImageFolderOptions>({ ...pictures, ...heldOut }),
  "a Parquet file": optionsOf<ParquetOptions>({
    ...pictures,
    image: text,
    label: text,
    classNames: z.array(text),
    ...heldOut,
  }),
  "an IDX file": optionsOf<IdxOptions>({
    classNames: z.array(text),
    firstLabel: z.int(),
    transposed: z.boolean(),
    ...shared,
  }),
  "a CIFAR file": optionsOf<CifarOptions>({
    labels: z.enum(["single", "coarse", "fine"]),
    classNames: z.array(text),
    ...shared,
  }),
};

/**
 * Checks the options of a reader.
 *
 * @param where - what is read, for errors
 * @throws TwotempError `data/option` for an option that the reader doesn't have, or a value that the option can't take
 */
export function checkOptions(where: string, kind: Kind, options: object): void {
  const schema = schemas[kind];
  const issue = schema.safeParse(options).error?.issues[0];
  if (!issue) return;
  const own = Object.keys(schema.shape).filter((name) => !(name in heldOut));
  const known = `${where} is ${kind}, which is read with ${own.join(", ")}`;
  if (issue.code === "unrecognized_keys") throw new TwotempError("data/option", `${known}; got "${issue.keys[0]}"`);
  const [name] = issue.path;
  if (name === undefined) throw new TwotempError("data/option", `${known}; got ${JSON.stringify(options)}`);
  const value = (options as Record<PropertyKey, unknown>)[name];
  throw new TwotempError("data/option", `${where}: invalid ${String(name)} ${shown(value)}: ${issue.message}`);
}
