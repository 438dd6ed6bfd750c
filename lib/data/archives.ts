import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { TwotempError } from "../errors.js";
import { pathInside } from "./folders.js";

/** A file wanted from an archive, and the name that it gets. */
export interface Member {
  readonly member: string;
  readonly name: string;
}

/** The part of adm-zip that is used; the package has no types. */
interface ZipFile {
  getEntry(name: string): { getData(): Buffer } | null;
}

/**
 * Takes some files out of a `.tar.gz` or `.zip` archive into a folder: all of them, or none.
 *
 * Only the members asked for are written, under the names asked for, so that no path in an archive matters.
 *
 * @throws TwotempError `data/archive` if the archive is corrupt or lacks a member
 */
export async function unpack(
  archive: string,
  members: readonly Member[],
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const targets = members.map(({ name }) => pathInside(folder, name));
  const temporary = await mkdtemp(join(folder, ".unpack-"));
  try {
    const found = archive.endsWith(".zip")
      ? await unpackZip(archive, members, temporary, signal)
      : await unpackTar(archive, members, temporary, signal);
    const missing = members.find(({ member }) => !found.has(member));
    if (missing) throw new TwotempError("data/archive", `${archive}: holds no ${missing.member}`);
    for (const [i, target] of targets.entries()) await rename(join(temporary, String(i)), target);
  } catch (error) {
    if (signal?.aborted || error instanceof TwotempError) throw error;
    throw new TwotempError("data/archive", `${archive}: can't be unpacked: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function unpackTar(
  archive: string,
  members: readonly Member[],
  temporary: string,
  signal?: AbortSignal,
): Promise<Set<string>> {
  const { extract } = await import("tar-stream");
  const unpacker = extract();
  const found = new Set<string>();
  const collect = async (): Promise<void> => {
    for await (const entry of unpacker) {
      const { name, type } = entry.header;
      const at = members.findIndex(({ member }) => member === name);
      if (at === -1 || type !== "file") entry.resume();
      else {
        await pipeline(Readable.from(entry), createWriteStream(join(temporary, String(at))));
        found.add(name);
      }
    }
  };
  const reading = pipeline(createReadStream(archive), createGunzip(), unpacker as unknown as NodeJS.WritableStream, {
    signal,
  });
  await Promise.all([reading, collect()]);
  return found;
}

async function unpackZip(
  archive: string,
  members: readonly Member[],
  temporary: string,
  signal?: AbortSignal,
): Promise<Set<string>> {
  const Zip = createRequire(__filename)("adm-zip") as new (path: string) => ZipFile;
  const zip = new Zip(archive);
  const found = new Set<string>();
  for (const [at, { member }] of members.entries()) {
    const entry = zip.getEntry(member);
    if (!entry) continue;
    await writeFile(join(temporary, String(at)), entry.getData(), { signal });
    found.add(member);
  }
  return found;
}
