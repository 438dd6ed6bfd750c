import { createHash } from "node:crypto";
import { TwotempError } from "../errors.js";

/** Plain data that JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const deepest = 200;

/**
 * JSON with one spelling: keys in order, no spaces. Equal data have equal canonical JSON, so they can be hashed.
 *
 * @param value - plain data; properties that are undefined are left out
 * @throws TwotempError `experiments/json` naming the place of a number that isn't finite or of something that isn't plain data
 */
export function canonicalJson(value: unknown, at: string = "value"): string {
  return spell(value, at, 0);
}

function spell(value: unknown, at: string, depth: number): string {
  if (depth > deepest) throw new TwotempError("experiments/json", `${at} is nested deeper than ${deepest}`);
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TwotempError("experiments/json", `${at} is ${value}, which JSON can't hold`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item, i) => spell(item, `${at}[${i}]`, depth + 1)).join(",")}]`;
  if (!isPlainObject(value)) {
    throw new TwotempError("experiments/json", `${at} isn't plain data`);
  }
  const parts = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${spell(value[key], `${at}.${key}`, depth + 1)}`);
  return `{${parts.join(",")}}`;
}

/** Whether a value is an object literal, of this realm or another (notebook cells have their own `Object`). */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
