import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { unpack } from "../../lib/data/archives.js";
import { download, type RemoteFile, withLock } from "../../lib/data/download.js";
import { pathInside } from "../../lib/data/folders.js";
import { fetchFiles } from "../../lib/data/load.js";
import { put, refuses, temporaryFolder } from "./support.js";
import { busy } from "../support.js";

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const sha256 = createHash("sha256").update(content).digest("hex");
const md5 = createHash("md5").update(content).digest("hex");

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on this machine; returns its address and the requests that it has seen. */
async function serve(t: TestContext, answer: Answer): Promise<{ home: string; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { home: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const whole: Answer = (_, response) => response.writeHead(200, { "content-length": content.length }).end(content);

/** Answers ranges; the first `cuts` answers end after 100,000 bytes. */
function ranged(cuts: number): Answer {
  return (request, response) => {
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const rest = content.subarray(start);
    const range = `bytes ${start}-${content.length - 1}/${content.length}`;
    response.writeHead(start ? 206 : 200, {
      "content-length": rest.length,
      ...(start ? { "content-range": range } : {}),
    });
    if (cuts-- > 0) response.write(rest.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 300));
    else response.end(rest);
  };
}

function remote(urls: readonly string[], change: Partial<RemoteFile> = {}): RemoteFile {
  return { name: "file.bin", urls, checksum: { algorithm: "sha256", hex: sha256 }, ...change };
}

const quick = { retrySeconds: 0.01 };

describe("download", () => {
  test("writes the whole file under its name and reports progress", async (t) => {
    const folder = join(temporaryFolder(t), "deep/er");
    const { home, seen } = await serve(t, whole);
    const progress: { done: number; total: number }[] = [];
    const path = await download(remote([`${home}/file.bin`]), folder, { onProgress: (p) => progress.push(p) });
    assert.deepEqual(readFileSync(path), content);
    assert.deepEqual(readdirSync(folder), ["file.bin"]);
    assert.deepEqual([progress.at(-1)?.done, progress.at(-1)?.total], [content.length, content.length]);
    await download(remote([`${home}/file.bin`], { checksum: { algorithm: "md5", hex: md5 } }), folder);
    assert.equal(seen.length, 1, "a file that is there isn't downloaded again");
  });

  test("goes on where a connection was cut", async (t) => {
    const folder = temporaryFolder(t);
    const { home, seen } = await serve(t, ranged(2));
    assert.deepEqual(readFileSync(await download(remote([home]), folder, quick)), content);
    assert.deepEqual(
      seen.map(({ headers }) => headers.range),
      [undefined, "bytes=100000-", "bytes=200000-"],
    );
  });

  test("goes on in a later call, also from a server that doesn't know ranges", async (t) => {
    const folder = temporaryFolder(t);
    const cutting = await serve(t, ranged(9));
    const far = await serve(t, (_, response) => response.writeHead(500).end());
    await refuses(() => download(remote([far.home]), folder, quick), "data/download", /HTTP 500/);
    writeFileSync(join(folder, "file.bin.part"), content.subarray(0, 50_000));
    await download(remote([cutting.home]), folder, quick);
    assert.deepEqual(
      cutting.seen.map(({ headers }) => headers.range),
      ["bytes=50000-", "bytes=150000-", "bytes=250000-"],
    );
    const other = temporaryFolder(t);
    writeFileSync(join(other, "file.bin.part"), content.subarray(0, 50_000));
    const { home } = await serve(t, whole);
    assert.deepEqual(readFileSync(await download(remote([home]), other, quick)), content);
  });

  test("falls back on mirrors: unreachable, not found, wrong content", async (t) => {
    const folder = temporaryFolder(t);
    const missing = await serve(t, (_, response) => response.writeHead(404).end("no"));
    const wrong = await serve(t, (_, response) => response.end(Buffer.alloc(content.length)));
    const { home } = await serve(t, whole);
    const path = await download(remote(["http://127.0.0.1:1/", missing.home, wrong.home, home]), folder, quick);
    assert.deepEqual(readFileSync(path), content);
    assert.equal(missing.seen.length, 1);
    assert.equal(wrong.seen.length, 1, "a whole file with the wrong checksum isn't worth another try");
  });

  test("keeps nothing with a wrong checksum and says what each address answered", async (t) => {
    const folder = temporaryFolder(t);
    const wrong = await serve(t, (_, response) => response.end("something else"));
    const missing = await serve(t, (_, response) => response.writeHead(404).end());
    await refuses(
      () => download(remote([wrong.home, missing.home]), folder, quick),
      "data/download",
      new RegExp(
        `file.bin can't be downloaded into .*: ${wrong.home}: expected sha256 ${sha256}, got [0-9a-f]{64}; ${missing.home}: HTTP 404`,
      ),
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  test("starts again when what was there before was wrong or too long", async (t) => {
    for (const before of [Buffer.alloc(50_000, 1), Buffer.alloc(400_000)]) {
      const folder = temporaryFolder(t);
      writeFileSync(join(folder, "file.bin.part"), before);
      const { home } = await serve(t, (request, response) => {
        const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
        if (start >= content.length) response.writeHead(416).end();
        else ranged(0)(request, response);
      });
      assert.deepEqual(readFileSync(await download(remote([home]), folder, quick)), content);
    }
  });

  test("refuses a server that answers another range than asked for", async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, "file.bin.part"), content.subarray(0, 50_000));
    let asked = 0;
    const { home } = await serve(t, (request, response) => {
      if (asked++ > 0) return whole(request, response);
      response.writeHead(206, { "content-range": "bytes 7-299999/300000" }).end(content.subarray(7));
    });
    assert.deepEqual(readFileSync(await download(remote([home]), folder, quick)), content);
    assert.equal(asked, 2);
  });

  test("gives up a connection that gives nothing", async (t) => {
    const folder = temporaryFolder(t);
    const silent = await serve(t, (_, response) =>
      response.writeHead(200, { "content-length": content.length }).write("x"),
    );
    const started = performance.now();
    const options = { ...quick, stallSeconds: 0.1 };
    await refuses(() => download(remote([silent.home]), folder, options), "data/download", /nothing came for 0.1 s/);
    assert.ok(performance.now() - started < 5000 * busy());
  });

  test("stops within a second when it is aborted, and keeps the part for the next call", async (t) => {
    const folder = temporaryFolder(t);
    let silent = true;
    const { home } = await serve(t, (request, response) => {
      if (!silent) return ranged(0)(request, response);
      response.writeHead(200, { "content-length": content.length }).write(content.subarray(0, 100_000));
    });
    const abort = new AbortController();
    let at = 0;
    const onProgress = (): void => {
      at = performance.now();
      setTimeout(() => abort.abort(), 20);
    };
    await assert.rejects(download(remote([home]), folder, { signal: abort.signal, onProgress }), {
      name: "AbortError",
    });
    assert.ok(performance.now() - at < 1000 * busy());
    assert.deepEqual(readdirSync(folder), ["file.bin.part"]);
    const had = statSync(join(folder, "file.bin.part")).size;
    assert.ok(had > 0 && had <= 100_000);
    silent = false;
    assert.deepEqual(readFileSync(await download(remote([home]), folder, quick)), content);
  });

  test("two downloads of one file ask once; a lock left behind is taken over", async (t) => {
    const folder = temporaryFolder(t);
    const { home, seen } = await serve(t, (request, response) => setTimeout(() => whole(request, response), 100));
    await Promise.all([download(remote([home]), folder), download(remote([home]), folder)]);
    assert.equal(seen.length, 1);
    const other = temporaryFolder(t);
    const lock = put(other, "file.bin.lock", "");
    utimesSync(lock, new Date(0), new Date(0));
    assert.deepEqual(readFileSync(await download(remote([home]), other)), content);
  });

  test("a lock left behind is taken by one of many at a time, and nobody removes another's", async (t) => {
    const lock = put(temporaryFolder(t), "lock", "");
    utimesSync(lock, new Date(0), new Date(0));
    let inside = 0;
    const work = async (): Promise<void> => {
      assert.equal(++inside, 1);
      await delay(5);
      inside--;
    };
    await Promise.all(Array.from({ length: 12 }, () => withLock(lock, undefined, work)));
    assert.ok(!existsSync(lock));
    await withLock(lock, undefined, async () => writeFileSync(lock, "another"));
    assert.equal(readFileSync(lock, "utf8"), "another");
  });

  test("never leaves the folder", async (t) => {
    const folder = temporaryFolder(t);
    const { home, seen } = await serve(t, whole);
    for (const name of ["../file.bin", "/tmp/file.bin", "a/../../file.bin", ".", "a\0b"]) {
      await refuses(() => download(remote([home], { name }), folder), "data/path", /leads out of/);
      await refuses(() => pathInside(folder, name), "data/path", /leads out of/);
    }
    assert.equal(seen.length, 0);
    assert.equal(pathInside("/data", "a/b"), "/data/a/b");
  });

  test("a data set that can't be downloaded leaves no empty folder, also where two ask for it", async (t) => {
    const home = temporaryFolder(t);
    const server = await serve(t, (_, response) => response.writeHead(404).end());
    const entry = { name: "toy", files: ["file.bin"], sources: [remote([server.home])] };
    const ask = (): Promise<void> => refuses(() => fetchFiles(entry, home), "data/download", /HTTP 404/);
    await Promise.all([ask(), ask()]);
    assert.deepEqual(readdirSync(home), []);
  });

  test("says that a folder can't be written", async (t) => {
    const file = put(temporaryFolder(t), "file", "x");
    await refuses(
      () => download(remote(["http://127.0.0.1:1/"]), join(file, "folder")),
      "data/download",
      /can't be made/,
    );
  });
});

/** A tar.gz archive of these files. */
async function archive(files: Record<string, string>): Promise<Buffer> {
  const packed = pack();
  for (const [name, text] of Object.entries(files)) packed.entry({ name }, text);
  packed.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packed) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

describe("archives", () => {
  const members = [
    { member: "in/one.bin", name: "one.bin" },
    { member: "in/two.bin", name: "two.bin" },
  ];

  test("only the members asked for are written, under the names asked for", async (t) => {
    const folder = temporaryFolder(t);
    const bytes = await archive({ "../escaped.bin": "bad", "in/one.bin": "1", "/etc/other": "bad", "in/two.bin": "2" });
    await unpack(put(folder, "a.tar.gz", bytes), members, folder);
    assert.deepEqual(readdirSync(folder).sort(), ["a.tar.gz", "one.bin", "two.bin"]);
    assert.equal(readFileSync(join(folder, "two.bin"), "utf8"), "2");
    assert.ok(!existsSync(join(folder, "../escaped.bin")));
    await refuses(
      () => unpack(join(folder, "a.tar.gz"), [{ member: "in/one.bin", name: "../x" }], folder),
      "data/path",
      /leads out/,
    );
  });

  test("writes nothing of an archive that is cut, corrupt or lacks a member", async (t) => {
    const folder = temporaryFolder(t);
    const bytes = await archive({ "in/one.bin": "1".repeat(5000), "in/two.bin": "2" });
    for (const [i, broken] of [bytes.subarray(0, bytes.length - 20), Buffer.from("no archive")].entries()) {
      const path = put(folder, `${i}.tar.gz`, broken);
      await refuses(() => unpack(path, members, folder), "data/archive", /can't be unpacked/);
      const zip = put(folder, `${i}.zip`, broken);
      await refuses(() => unpack(zip, members, folder), "data/archive", /can't be unpacked/);
    }
    const poor = put(folder, "poor.tar.gz", await archive({ "in/one.bin": "1" }));
    await refuses(() => unpack(poor, members, folder), "data/archive", /holds no in\/two.bin/);
    assert.ok(
      readdirSync(folder).every((name) => /\.(tar\.gz|zip)$/.test(name)),
      String(readdirSync(folder)),
    );
  });

  test("reads a zip archive", async (t) => {
    const folder = temporaryFolder(t);
    // Made by Python's zipfile: in/one.bin holds "1", in/two.bin holds "2".
    const path = put(folder, "a.zip", readFileSync(join(__dirname, "../../../test/data/fixtures/two.zip")));
    await unpack(path, members, folder);
    assert.equal(readFileSync(join(folder, "one.bin"), "utf8") + readFileSync(join(folder, "two.bin"), "utf8"), "12");
  });

  test("a data set in an archive is downloaded, unpacked and cleared up", async (t) => {
    const home = temporaryFolder(t);
    const bytes = await archive({ "in/one.bin": "1", "in/two.bin": "2" });
    const server = await serve(t, (_, response) => response.end(bytes));
    // Two ask at once: the second waits until all is unpacked, and asks for nothing.
    const hex = createHash("md5").update(bytes).digest("hex");
    const source = { name: "a.tar.gz", urls: [server.home], checksum: { algorithm: "md5" as const, hex }, members };
    const ask = (): Promise<string[]> =>
      fetchFiles({ name: "toy", files: ["one.bin", "two.bin"], sources: [source] }, home);
    for (const paths of await Promise.all([ask(), ask()])) {
      assert.deepEqual(paths, [join(home, "toy/one.bin"), join(home, "toy/two.bin")]);
    }
    assert.equal(server.seen.length, 1);
    assert.deepEqual(readdirSync(home), ["toy"]);
    assert.deepEqual(readdirSync(join(home, "toy")).sort(), ["one.bin", "two.bin"]);
    await refuses(
      () => fetchFiles({ name: "toy", files: ["x"], sources: [] }, home),
      "data/path",
      /toy can't be downloaded: put x into/,
    );
  });
});
