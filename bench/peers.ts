import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** A program that does what ours does, in an environment of its own. */
export interface Peer {
  readonly title: string;
  /** In `bench`. */
  readonly script: string;
  /** In `bench`: all packages, with their versions. */
  readonly requirements: string;
  /** In `build`. */
  readonly environment: string;
  /** On disk. */
  readonly gigabytes: number;
  /** Which workloads and phases it has; all if it doesn't say. */
  readonly only?: { readonly workloads: readonly string[]; readonly phases: readonly string[] };
}

/** As rows have it. */
export type PeerName = "pytorch" | "tensorflow";

export const peers: Readonly<Record<PeerName, Peer>> = {
  pytorch: {
    title: "PyTorch",
    script: "twin.py",
    requirements: "requirements.txt",
    environment: "pytorch",
    gigabytes: 4.6,
  },
  tensorflow: {
    title: "a TensorFlow graph",
    script: "graph_twin.py",
    requirements: "graph_requirements.txt",
    environment: "tensorflow-graphs",
    gigabytes: 1.4,
    only: { workloads: ["mlp", "cnn"], phases: ["masked", "step"] },
  },
};

const root = join(__dirname, "..", "..");

/** The peer's Python, which is there once it has been installed. */
export const pythonOf = ({ environment }: Peer): string => join(root, "build", environment, "bin", "python");

/** The command that runs the peer. */
export const commandOf = (peer: Peer, threads: number): [command: string, args: string[]] => [
  pythonOf(peer),
  [join(root, "bench", peer.script), String(threads)],
];

/** Makes the peer's environment inside the repository. */
export function install(peer: Peer): void {
  const python = pythonOf(peer);
  const show = { stdio: "inherit" } as const;
  if (!existsSync(python)) execFileSync("python3", ["-m", "venv", join(root, "build", peer.environment)], show);
  const requirements = join(root, "bench", peer.requirements);
  execFileSync(python, ["-m", "pip", "install", "--no-deps", "--quiet", "-r", requirements], show);
}
