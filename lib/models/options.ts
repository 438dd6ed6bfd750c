import { z } from "zod";
import { TwotempError } from "../errors.js";
import { shown } from "../invalid.js";

/** What an option must be: for the machine, for people, and the code of the error where it isn't. */
export interface Option {
  readonly type: z.ZodType;
  readonly wanted: string;
  readonly code: string;
}

const option = (type: z.ZodType, wanted: string, code: string): Option => ({ type, wanted, code });
const whole = z.int().positive();

export const size: Option = option(whole, "a whole number from 1", "models/size");
export const sizes: Option = option(z.array(whole), "a list of whole numbers from 1", "models/size");
export const shape: Option = option(
  z.array(whole).min(1),
  "a list of whole numbers from 1, such as [28, 28, 1] or [features]",
  "models/size",
);
export const imageShape: Option = option(
  z.array(whole).length(3),
  "[height, width, channels], whole numbers from 1",
  "models/size",
);
export const factor: Option = option(z.number().positive(), "a number above 0", "models/size");
export const flag: Option = option(z.boolean(), "true or false", "models/options");
export const oneOf = (...names: readonly string[]): Option =>
  option(z.enum(names), `one of ${names.join(", ")}`, "models/options");
export const depth = (fits: (value: number) => boolean, wanted: string): Option =>
  option(z.int().refine(fits), wanted, "models/depth");
export const stages: Option = option(z.array(z.object({})), "a list of stages", "models/stage");
/** TensorFlow.js puts a layer's name before those of its weights, which it restricts. */
export const layerName: Option = option(
  z.string().regex(/^[A-Za-z0-9][-\w./]*$/),
  "of letters from a to z, digits, and after the first _ . - /",
  "models/stage",
);
export const names: Option = option(z.array(z.string()), "a list of names", "models/stage");
export const optional = ({ type, wanted, code }: Option): Option => option(type.optional(), wanted, code);

/**
 * Refuses options that a builder doesn't have, and values that they can't take, before TensorFlow.js does so less clearly.
 *
 * @param owner - whose options they are, for errors
 */
export function requireOptions<T extends object>(owner: string, options: T, allowed: Record<keyof T, Option>): void {
  const refuse = (code: string, what: string): never => {
    throw new TwotempError(code, `${owner}: ${what}`);
  };
  const known = Object.keys(allowed).join(", ");
  if (typeof options !== "object" || options === null) {
    refuse("models/options", `options must be an object of ${known}, got ${shown(options)}`);
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(allowed, name));
  if (unknown !== undefined) refuse("models/options", `unknown option ${unknown}, use ${known}`);
  for (const [name, { type, wanted, code }] of Object.entries<Option>(allowed)) {
    const value = (options as Record<string, unknown>)[name];
    if (type.safeParse(value).success) continue;
    refuse(code, `${name} must be ${wanted}, got ${shown(value)}`);
  }
}
