import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A file system of one MiB. */
export function smallDisk(context: Pick<TestContext, "after">): string {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-disk-"));
  context.after(() => {
    spawnSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).status, 0);
  return folder;
}

/** Whether this process may mount one. */
export const mayMount: boolean = ((): boolean => {
  const probe = mkdtempSync(join(tmpdir(), "twotemp-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", probe]).status === 0;
  if (mounted) spawnSync("umount", [probe]);
  rmSync(probe, { recursive: true, force: true });
  return mounted;
})();

/** Fills what is left of a disk. */
export function fill(path: string): void {
  const block = Buffer.alloc(4096, 1);
  try {
    for (let i = 0; i < 10_000; i++) writeFileSync(path, block, { flag: "a" });
  } catch {
    // Full.
  }
  assert.ok(existsSync(path) && readFileSync(path).length > 0);
}
