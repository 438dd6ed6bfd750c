import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { link, mkdir, open, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TwotempError } from "../errors.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import { pathInside } from "./folders.js";

/** A file that can be downloaded. */
export interface RemoteFile {
  /** Its name in the folder it goes into. */
  readonly name: string;
  /** Where it is, the canonical home first. */
  readonly urls: readonly string[];
  readonly checksum: { readonly algorithm: "sha256" | "md5"; readonly hex: string };
}

/** How a file is downloaded. */
export interface DownloadOptions extends WorkOptions {
  /** How long a connection may give nothing, default 30. */
  readonly stallSeconds?: number;
  /** Time before a cut connection is tried again, default 1. */
  readonly retrySeconds?: number;
}

/** Tries of one address whose connection is cut. */
const tries = 3;
/** A lock that its holder hasn't touched for so long was left behind. */
const staleSeconds = 60;

/**
 * Downloads a file into a folder: the whole file with the right checksum is there afterwards, or nothing under its name.
 *
 * Bytes go to `name.part`; a cut connection, or a later call, goes on from its end. Each address is tried in turn. Two
 * processes that want the same file don't disturb one another: the second waits.
 *
 * @returns the path of the file
 * @throws TwotempError `data/download` with what each address answered, `data/path` if the name leaves the folder; the
 * signal's reason when it is aborted (the part stays for the next call)
 */
export async function download(file: RemoteFile, folder: string, options: DownloadOptions = {}): Promise<string> {
  const path = pathInside(folder, file.name);
  return withLock(`${path}.lock`, options.signal, async () => {
    if (await exists(path)) return path;
    const part = `${path}.part`;
    const failures: string[] = [];
    for (const url of file.urls) {
      for (let attempt = 1; attempt <= tries; attempt++) {
        try {
          const resumed = await transfer(url, part, file.name, options);
          const found = await digest(part, file.checksum.algorithm);
          if (found === file.checksum.hex) {
            await rename(part, path);
            return path;
          }
          await rm(part, { force: true });
          throw new Failure(`expected ${file.checksum.algorithm} ${file.checksum.hex}, got ${found}`, resumed);
        } catch (error) {
          if (options.signal?.aborted) throw options.signal.reason;
          failures.push(`${url}: ${messageOf(error)}`);
          const again = error instanceof Failure ? error.again : true;
          if (!again) break;
          if (attempt < tries)
            await sleep((options.retrySeconds ?? 1) * 1000 * attempt, undefined, { signal: options.signal });
        }
      }
    }
    const answers = [...new Set(failures)].join("; ");
    throw new TwotempError("data/download", `${file.name} can't be downloaded into ${folder}: ${answers}`);
  });
}

/** A failed try, and whether the same address is worth another. */
class Failure extends Error {
  constructor(
    message: string,
    readonly again: boolean,
  ) {
    super(message);
  }
}

/** Appends what is missing to the part; says whether it went on from an earlier one. */
async function transfer(url: string, part: string, name: string, options: DownloadOptions): Promise<boolean> {
  const { signal, onProgress, stallSeconds = 30 } = options;
  const have = (await stat(part).catch(() => undefined))?.size ?? 0;
  const stalled = new AbortController();
  const fail = (): void => stalled.abort(new Failure(`nothing came for ${stallSeconds} s`, true));
  const timer = setTimeout(fail, stallSeconds * 1000);
  try {
    // Archives are wanted as they are, not unpacked on the way.
    const headers = { "accept-encoding": "identity", ...(have > 0 ? { range: `bytes=${have}-` } : {}) };
    const signals = signal ? [signal, stalled.signal] : [stalled.signal];
    const response = await fetch(url, { headers, signal: AbortSignal.any(signals) });
    if (response.status === 416) return true; // Nothing is missing: the checksum decides.
    const resumed = response.status === 206;
    if (!response.ok || !response.body)
      throw new Failure(`HTTP ${response.status} ${response.statusText}`.trim(), false);
    if (resumed && !response.headers.get("content-range")?.startsWith(`bytes ${have}-`)) {
      await rm(part, { force: true });
      throw new Failure(`answered another range than bytes ${have}-`, true);
    }
    const start = resumed ? have : 0;
    const length = Number(response.headers.get("content-length") ?? NaN);
    const meter = new ProgressMeter(
      `downloading ${name}`,
      start + length,
      Number.isNaN(length) ? undefined : onProgress,
    );
    const handle = await open(part, resumed ? "a" : "w");
    try {
      let done = start;
      for await (const chunk of response.body) {
        timer.refresh();
        await handle.writeFile(chunk);
        done += chunk.length;
        meter.report(done);
      }
      if (done < start + length)
        throw new Failure(`the connection ended after ${done} of ${start + length} bytes`, true);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return resumed;
  } finally {
    clearTimeout(timer);
  }
}

/** The checksum of a file, in hexadecimal digits. */
export async function digest(path: string, algorithm: "sha256" | "md5"): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Runs `work` while it holds a lock file; waits while another process does. */
export async function withLock<T>(lock: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const owner = randomUUID();
  for (;;) {
    signal?.throwIfAborted();
    // In each round, as a download that failed takes its empty folder along.
    await mkdir(dirname(lock), { recursive: true }).catch((error: Error) => {
      throw new TwotempError("data/download", `${dirname(lock)}: can't be made: ${error.message}`, { cause: error });
    });
    try {
      await writeFile(lock, owner, { flag: "wx" });
      break;
    } catch (error) {
      if (!["EEXIST", "ENOENT"].includes(String((error as NodeJS.ErrnoException).code))) {
        throw new TwotempError("data/download", `${dirname(lock)}: can't be written: ${messageOf(error)}`, {
          cause: error,
        });
      }
      if (await isStale(lock)) await removeStale(lock);
      else await sleep(200, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
  // Whatever the work waits for, the lock stays fresh.
  const freshen = (): void => void utimes(lock, new Date(), new Date()).catch(() => undefined);
  const timer = setInterval(freshen, (staleSeconds * 1000) / 6);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    // Another process has it if this one stood still for too long.
    if ((await readFile(lock, "utf8").catch(() => undefined)) === owner) await rm(lock, { force: true });
  }
}

async function isStale(lock: string): Promise<boolean> {
  const held = await stat(lock).catch(() => undefined);
  return held !== undefined && Date.now() - held.mtimeMs > staleSeconds * 1000;
}

/** Removes a stale lock, but not the one that another waiting process may have put in its place meanwhile. */
async function removeStale(lock: string): Promise<void> {
  const aside = `${lock}.${randomUUID()}`;
  const taken = await rename(lock, aside).then(
    () => true,
    () => false,
  );
  if (!taken) return;
  if (!(await isStale(aside))) await link(aside, lock).catch(() => undefined);
  await rm(aside, { force: true });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function messageOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message ? `${message} (${cause.message})` : message;
}
