import { TwotempError } from "./errors.js";

/** Whether notebooks are asked to run small, as tests do: `TWOTEMP_QUICK=1`. */
export function isQuick(): boolean {
  return process.env.TWOTEMP_QUICK === "1";
}

/**
 * A notebook's settings: the defaults written in its first cell, replaced by `quick` where the environment variable
 * `TWOTEMP_QUICK` is 1, then by those of `TWOTEMP_SETTINGS` (a JSON object), so that a notebook can be run with other
 * settings without being edited.
 *
 * @param defaults - the flat block of settings
 * @param quick - values with which the notebook runs in under a minute, for tests
 * @returns the same names, with replaced values where given
 * @throws TwotempError `settings/json`, `settings/name` or `settings/type` for a replacement that doesn't fit
 * @example
 * ```ts
 * const chosen = settings({ source: "digits:0-4", shots: [1, 5, 10], steps: 2000 }, { shots: [5], steps: 200 });
 * ```
 */
export function settings<T extends Record<string, unknown>>(defaults: T, quick: Partial<T> = {}): T {
  // Checked on every run, so that a mistake in it isn't found by tests only.
  requireFit(defaults, quick);
  const given = environmentSettings();
  requireFit(defaults, given);
  return { ...defaults, ...(isQuick() ? quick : {}), ...given };
}

function environmentSettings(): Record<string, unknown> {
  const text = process.env.TWOTEMP_SETTINGS;
  if (!text) return {};
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new TwotempError("settings/json", `TWOTEMP_SETTINGS isn't JSON: ${text}`);
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new TwotempError("settings/json", `TWOTEMP_SETTINGS has to be a JSON object, got ${text}`);
  }
  return given as Record<string, unknown>;
}

function requireFit(defaults: Record<string, unknown>, given: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) {
      throw new TwotempError("settings/name", `no setting "${name}": there are ${Object.keys(defaults).join(", ")}`);
    }
    if (kindOf(value) !== kindOf(defaults[name])) {
      throw new TwotempError(
        "settings/type",
        `setting "${name}" is ${JSON.stringify(defaults[name])}-like, got ${JSON.stringify(value)}`,
      );
    }
  }
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
