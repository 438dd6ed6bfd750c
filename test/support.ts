import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
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

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until something is so, however busy the machine is; after two minutes it says what was waited for. */
export async function until(what: string, so: () => boolean | Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await so())) {
    if (performance.now() - started > 120_000) throw new Error(`waited two minutes for ${what}`);
    await delay(50);
  }
}

/**
 * How many times longer something may take than on an idle machine: as many programs as share a core in the last minute,
 * or as a few milliseconds of this process's own work take now.
 */
export function busy(): number {
  const started = performance.now();
  const before = process.cpuUsage();
  const worked = (): number => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  while (worked() < 20);
  return Math.max(1, loadavg()[0] / availableParallelism(), (performance.now() - started) / worked());
}
