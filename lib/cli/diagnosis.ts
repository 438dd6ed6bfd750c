import { execFile } from "node:child_process";
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { catalogue } from "../data/catalogue.js";
import { dataFolders, findFiles } from "../data/folders.js";
import { ready, type Engine, type EngineName } from "../engine/index.js";
import { findBrowser } from "../plot/browser.js";

/** What was found on this machine; a part that is missing is null. */
export interface Diagnosis {
  readonly engine: EngineName | null;
  readonly engineVersion: string | null;
  readonly device: "cpu" | "gpu" | null;
  readonly threads: number | null;
  /** Why no faster engine runs. */
  readonly notes: readonly string[];
  readonly node: string;
  /** The file that tells Jupyter of the kernel. */
  readonly kernel: string | null;
  readonly python: string | null;
  readonly pythonPackages: Readonly<Record<string, string>>;
  readonly browser: string | null;
  /** The folders in which data sets are looked for, and the data sets that are there. */
  readonly dataFolders: readonly { readonly folder: string; readonly exists: boolean }[];
  readonly datasets: readonly string[];
  readonly freeDiskGigabytes: number;
  /** Why the main job can't run; empty if it can. */
  readonly problems: readonly string[];
}

const root = resolve(__dirname, "../../..");
/** What the main job writes, with room to spare. */
const neededGigabytes = 0.2;

/** Looks at everything that the project uses; starts the engine. */
export async function diagnose(): Promise<Diagnosis> {
  const problems: string[] = [];
  let engine: Engine | undefined;
  try {
    engine = await ready();
  } catch (error) {
    problems.push(`no engine: ${(error as Error).message}`);
  }
  const datasets = catalogue.filter(({ name, files }) => findFiles(name, files)).map(({ name }) => name);
  if (!datasets.includes("digits")) problems.push("the embedded digits are missing: git checkout datasets/digits");
  const disk = statfsSync(root);
  const freeDiskGigabytes = Math.round((disk.bavail * disk.bsize) / 1e8) / 10;
  if (freeDiskGigabytes < neededGigabytes) {
    problems.push(`${freeDiskGigabytes} GB of disk left, ${neededGigabytes} GB needed`);
  }
  const { python, pythonPackages } = await findPython();
  return {
    engine: engine?.engine ?? null,
    engineVersion: engine?.version ?? null,
    device: engine?.device ?? null,
    threads: engine?.threads ?? null,
    notes: engine?.notes ?? [],
    node: process.versions.node,
    kernel: findKernel(),
    python,
    pythonPackages,
    browser: await findBrowser().then(
      ({ executable }) => executable,
      () => null,
    ),
    dataFolders: dataFolders().map((folder) => ({ folder, exists: existsSync(folder) })),
    datasets,
    freeDiskGigabytes,
    problems,
  };
}

/** The kernel's specification in .venv, if it points to this repository and to a Node that exists. */
function findKernel(): string | null {
  const file = join(root, ".venv", "share", "jupyter", "kernels", "twotemp", "kernel.json");
  if (!existsSync(file)) return null;
  const { argv } = JSON.parse(readFileSync(file, "utf8")) as { argv: string[] };
  return existsSync(argv[0]) && argv[1] === join(root, "scripts", "kernel.js") ? file : null;
}

async function findPython(): Promise<Pick<Diagnosis, "python" | "pythonPackages">> {
  const question = `
import json, platform
from importlib.metadata import version
packages = {name: version(name) for name in ("jupyterlab", "nbclient", "nbconvert")}
print(json.dumps({"python": platform.python_version(), "pythonPackages": packages}))`;
  try {
    const { stdout } = await promisify(execFile)(join(root, ".venv", "bin", "python"), ["-c", question]);
    return JSON.parse(stdout) as Pick<Diagnosis, "python" | "pythonPackages">;
  } catch {
    return { python: null, pythonPackages: {} };
  }
}

/** The diagnosis as a table for people. */
export function diagnosisTable(diagnosis: Diagnosis): string {
  const { engine, engineVersion, device, threads, notes, python, pythonPackages } = diagnosis;
  const packages = Object.entries(pythonPackages).map(([name, version]) => `${name} ${version}`);
  const missing = "missing: npm run setup";
  const rows: [string, string][] = [
    ["engine", engine ? `${engine} ${engineVersion} on ${device}` : "none"],
    ...notes.map((note): [string, string] => ["", note]),
    ["threads", String(threads ?? "-")],
    ["Node", diagnosis.node],
    ["kernel", diagnosis.kernel ? "TypeScript (twotemp), in .venv" : missing],
    ["Python packages", python ? `Python ${python}: ${packages.join(", ")}` : missing],
    ["browser for figures", diagnosis.browser ?? "missing: install Chromium, or set TWOTEMP_BROWSER"],
    ...diagnosis.dataFolders.map(({ folder, exists }, index): [string, string] => [
      index === 0 ? "data folders" : "",
      exists ? folder : `${folder} (not there)`,
    ]),
    ["data sets", diagnosis.datasets.join(", ")],
    ["free disk", `${diagnosis.freeDiskGigabytes} GB`],
    ["main job", diagnosis.problems.length === 0 ? "can run: npm start" : "can't run"],
    ...diagnosis.problems.map((problem): [string, string] => ["", problem]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(20)} ${value}`).join("\n");
}
