import { TwotempError } from "./errors.js";

/**
 * A notebook's settings: the defaults written in its first cell, replaced by those of the environment variable
 * `TWOTEMP_SETTINGS` (a JSON object), so that a notebook can be run with other settings without being edited.
 *
 * @param defaults - the flat block of settings
 * @returns the same names, with replaced values where given
 * @throws TwotempError `settings/json`, `settings/name` or `settings/type` for a replacement that doesn't fit
 * @example
 * ```ts
 * const chosen = settings({ source: "digits:0-4", shots: [1, 5, 10], density: 0.1875 });
 * ```
 */
export function settings<T extends Record<string, unknown>>(defaults: T): T {
  const text = process.env.TWOTEMP_SETTINGS;
  if (!text) return defaults;
  let given: Record<string, unknown>;
  try {
    given = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new TwotempError("settings/json", `TWOTEMP_SETTINGS isn't JSON: ${text}`);
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new TwotempError("settings/json", `TWOTEMP_SETTINGS has to be a JSON object, got ${text}`);
  }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) {
      throw new TwotempError("settings/name", `no setting "${name}": there are ${Object.keys(defaults).join(", ")}`);
    }
    if (typeof value !== typeof defaults[name] || Array.isArray(value) !== Array.isArray(defaults[name])) {
      throw new TwotempError(
        "settings/type",
        `setting "${name}" is ${JSON.stringify(defaults[name])}-like, got ${JSON.stringify(value)}`,
      );
    }
  }
  return { ...defaults, ...given };
}
