import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { TwotempError } from "../errors.js";

/** A name that no other process on any machine uses, for temporary files and for owners of locks. */
export function uniqueName(): string {
  return `${hostname().replaceAll(/[^\w.-]/g, "_")}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** Says what a failed file operation means to the user; errors of other kinds are returned as they are. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    return new TwotempError(
      "experiments/disk-full",
      `no room to write ${path} (${code}); what was there is unchanged`,
      {
        cause: error,
      },
    );
  }
  if (code === "EROFS" || code === "EACCES" || code === "EPERM") {
    return new TwotempError(
      "experiments/read-only",
      `${path} can't be written (${code}); choose a folder you may write`,
      {
        cause: error,
      },
    );
  }
  if (code === "ENOTDIR" || code === "EISDIR" || code === "EEXIST") {
    return new TwotempError(
      "experiments/path",
      `${path}: a file is where a folder should be, or the reverse (${code})`,
      {
        cause: error,
      },
    );
  }
  return error;
}

/** Runs a file operation with its errors made typed. */
export function guarded<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Makes a rename last through a power cut; not every file system can. */
export function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if (!["EINVAL", "EISDIR", "EPERM", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/**
 * Writes a file so that a reader sees the old content or all of the new, never a part.
 *
 * The content goes to a temporary file in the same folder, is flushed to the disk, and is renamed. (write-file-atomic
 * doesn't check for short writes, and names temporary files by process id, which two machines on one folder share.)
 *
 * @param beforeRename - called when the new content is safe, just before it takes the name
 * @throws TwotempError `experiments/disk-full`, `experiments/read-only`; the temporary file is removed
 */
export function writeAtomically(path: string, data: string | Uint8Array, beforeRename?: () => void): void {
  const temporary = `${path}.${uniqueName()}.tmp`;
  guarded(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    try {
      const handle = openSync(temporary, "wx");
      try {
        writeFileSync(handle, data);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      beforeRename?.();
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    syncFolder(dirname(path));
  });
}
