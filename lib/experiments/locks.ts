import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { guarded, uniqueName } from "./files.js";

/** A process that shows no sign of life for so long has lost its locks. */
const staleSeconds = 120;
const heartbeatSeconds = 15;

interface Owner {
  readonly host: string;
  readonly pid: number;
}

const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Modification time by the clock of the file system, or undefined if the file is gone. */
function modified(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/**
 * Locks between processes that share a folder, also over a network.
 *
 * Each process keeps an owner file whose time it renews; a lock is a file made with O_EXCL that names its owner. A lock
 * counts as left behind when its owner's process is gone (same machine) or its owner file is two minutes old by
 * the file system's own clock (any machine). Locks only spare double work: a record that two processes write is written
 * twice with the same bytes.
 */
export class Locks {
  private readonly owner: string = uniqueName();
  private readonly ownerFile: string;
  private readonly about: string = JSON.stringify({ host: hostname(), pid: process.pid } satisfies Owner);
  private readonly held = new Set<string>();
  private readonly heartbeat: NodeJS.Timeout;

  constructor(private readonly folder: string) {
    mkdirSync(join(folder, "owners"), { recursive: true });
    this.ownerFile = join(folder, "owners", this.owner);
    writeFileSync(this.ownerFile, this.about, { flag: "wx" });
    this.heartbeat = setInterval(() => this.beat(), heartbeatSeconds * 1000);
    this.heartbeat.unref();
  }

  /** Takes the lock of that name; false if another process holds it. */
  take(name: string): boolean {
    const path = join(this.folder, name);
    // A second try follows the removal of a lock that was left behind.
    for (let tries = 0; tries < 2; tries++) {
      if (createExclusively(path, this.owner)) {
        this.held.add(name);
        return true;
      }
      if (!this.removeIfStale(path)) return false;
    }
    return false;
  }

  release(name: string): void {
    if (this.held.delete(name)) rmSync(join(this.folder, name), { force: true });
  }

  close(): void {
    clearInterval(this.heartbeat);
    for (const name of [...this.held]) this.release(name);
    this.clear();
    rmSync(this.ownerFile, { force: true });
  }

  /** Removes locks that processes left behind which died after the record, before the release: nobody asks for them again. */
  private clear(): void {
    const names = existsSync(this.folder) ? readdirSync(this.folder) : [];
    for (const name of names) {
      if (name !== "owners" && !name.endsWith(".break")) this.removeIfStale(join(this.folder, name));
    }
  }

  private beat(): void {
    try {
      // Written again, not touched: the time is then the file system's, not this machine's.
      writeFileSync(this.ownerFile, this.about, { flag: "r+" });
    } catch {
      // Whoever took the folder away takes the locks too; writing records will say so.
    }
  }

  /** Removes a lock whose owner is gone. A second lock guards the removal, lest two processes remove each other's new one. */
  private removeIfStale(path: string): boolean {
    const owner = this.staleOwner(path);
    if (owner === undefined) return false;
    const guard = `${path}.break`;
    if (!createExclusively(guard, this.owner)) {
      const made = modified(guard);
      if (made !== undefined && this.clock() - made > staleSeconds * 1000) rmSync(guard, { force: true });
      return false;
    }
    try {
      if (this.staleOwner(path) !== owner) return false;
      rmSync(path, { force: true });
      return true;
    } finally {
      rmSync(guard, { force: true });
    }
  }

  /** The owner that left the lock behind, or undefined if its owner may still be there. */
  private staleOwner(path: string): string | undefined {
    let owner: string;
    try {
      owner = readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
    const ownerFile = owner === "" ? undefined : join(this.folder, "owners", owner.replaceAll("/", "_"));
    let about: Partial<Owner> = {};
    try {
      if (ownerFile) about = JSON.parse(readFileSync(ownerFile, "utf8")) as Partial<Owner>;
    } catch {
      // Gone or half written: its age, or the lock's, decides.
    }
    if (about.host === hostname() && typeof about.pid === "number" && !isAlive(about.pid)) return owner;
    const seen = (ownerFile ? modified(ownerFile) : undefined) ?? modified(path);
    return seen !== undefined && this.clock() - seen > staleSeconds * 1000 ? owner : undefined;
  }

  /** Now, by the clock of the file system, which other machines' clocks needn't agree with. */
  private clock(): number {
    this.beat();
    return modified(this.ownerFile) ?? Date.now();
  }
}

/** Makes a file unless it is there already; the file system decides between two who try at once. */
function createExclusively(path: string, content: string): boolean {
  return guarded(path, () => {
    try {
      writeFileSync(path, content, { flag: "wx" });
      return true;
    } catch (error) {
      if (errorCode(error) === "EEXIST") return false;
      // On a full disk the file is there, but not its owner's name.
      rmSync(path, { force: true });
      throw error;
    }
  });
}
