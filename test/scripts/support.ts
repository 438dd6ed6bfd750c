import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

/** The repository. */
export const root: string = resolve(__dirname, "../../..");

/** What a program left. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** How {@link runProgram} runs it. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Sends a signal to the program, and with `group` to all that it started, some seconds after it has printed this. */
  readonly signal?: {
    readonly when: RegExp;
    readonly name: NodeJS.Signals;
    readonly group?: boolean;
    readonly seconds?: number;
  };
}

/** Runs a program to its end. */
export function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { cwd = root, env = process.env, signal } = options;
  const started = performance.now();
  const child = spawn(program, args, { cwd, env, detached: signal?.group, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  let waiting = signal;
  child.stdout.on("data", (data: Buffer) => {
    stdout += String(data);
    if (!waiting?.when.test(stdout)) return;
    const { group, name, seconds = 0 } = waiting;
    setTimeout(() => {
      if (child.exitCode === null && child.signalCode === null) process.kill(group ? -child.pid! : child.pid!, name);
    }, seconds * 1000);
    waiting = undefined;
  });
  child.stderr.on("data", (data: Buffer) => (stderr += String(data)));
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (status, ended) => {
      done({ status, signal: ended, stdout, stderr, seconds: (performance.now() - started) / 1000 });
    });
  });
}

/** A new temporary folder, removed when the process ends. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `twotemp ${name} `));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Where a program is, or undefined. */
export function findProgram(name: string): string | undefined {
  const places = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A folder to be the whole PATH: it has only these programs. */
export function pathWith(folder: string, programs: readonly string[]): string {
  for (const name of programs) {
    const place = findProgram(name);
    if (place && !existsSync(join(folder, name))) symlinkSync(place, join(folder, name));
  }
  return folder;
}

/** Writes a notebook for the project's kernel with these code cells. */
export function writeNotebook(file: string, cells: readonly string[]): string {
  const notebook = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: "twotemp", display_name: "TypeScript (twotemp)", language: "typescript" } },
    cells: cells.map((source, index) => ({
      cell_type: "code",
      id: `cell-${index}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    })),
  };
  writeFileSync(file, JSON.stringify(notebook));
  return file;
}

/** Whether .venv has the project's kernel. */
export const kernelInstalled: boolean = existsSync(join(root, ".venv/share/jupyter/kernels/twotemp/kernel.json"));

/** Whether Python can make an environment here. */
export const pythonPresent: boolean = spawnSync("python3", ["-c", "import venv, ensurepip"]).status === 0;
