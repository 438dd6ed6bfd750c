/**
 * Options for a test that needs a component outside the repository: skipped where the component is missing, with a message
 * that says what would run it; under `CI=true` a missing component is a failure.
 *
 * @param component - what is needed, for example "Chromium"
 * @param present - whether it is there
 * @param remedy - the command that installs it
 * @example
 * ```ts
 * test("draws in a browser", needs("Chromium", existsSync("/usr/bin/chromium"), "apt-get install chromium"), async () => {});
 * ```
 */
export function needs(component: string, present: boolean, remedy: string): { skip: string | false } {
  if (present) return { skip: false };
  const message = `${component} is missing; to run this test: ${remedy}`;
  if (process.env.CI === "true") throw new Error(message);
  return { skip: message };
}
