/** A value as errors show it: a number as it is, as JSON has neither NaN nor infinity, anything else as JSON. */
export const shown = (value: unknown): string => `${typeof value === "number" ? value : JSON.stringify(value)}`;

/** What of `given` a schema refuses, in one line: where it is, the value, and why. */
export function invalidValue(given: unknown, path: readonly PropertyKey[], why: string): string {
  const value = path.reduce((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], given);
  return `invalid ${path.join(".") || "options"} ${shown(value)}: ${why}`;
}
