import { inspect } from "node:util";

/** A value as its option's writer knows it, in one line. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (typeof value === "string") return JSON.stringify(value);
  // Lines that are left are an error's stack.
  return inspect(value, { depth: 0, breakLength: Infinity, compact: true }).split("\n")[0];
}

/** What of `given` a schema refuses, in one line: where it is, the value, and why. */
export function invalidValue(given: unknown, path: readonly PropertyKey[], why: string): string {
  const value = path.reduce((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], given);
  return `invalid ${path.join(".") || "options"} ${shown(value)}: ${why}`;
}
