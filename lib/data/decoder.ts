import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { TwotempError } from "../errors.js";
import type { DecodedPicture, DecoderReply, DecoderTask, ParquetHead, ParquetRows } from "./decoder-worker.js";

/** A photograph of 50 megapixels needs less; a file that makes a decoder want more ends its thread, not the process. */
const pictureMegabytes = 512;
/** A million rows of a Parquet file need less; their pictures' bytes don't count. */
const parquetMegabytes = 128;
const parquetSeconds = 60;
/** Of a picture, at least, and more for each of its file's megabytes: ten times what photographs take. */
const pictureSeconds = 1;
const secondsPerMegabyte = 4;
const tickSeconds = 0.1;

/**
 * A thread in which third-party decoders run: whatever a hostile file does to them, the caller gets an error.
 *
 * It starts with the first task, takes one at a time, doesn't keep the process alive, and is replaced after it died.
 */
class Decoder {
  private worker: Worker | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly heapMegabytes: number) {}

  run(where: string, task: DecoderTask, seconds: number, signal?: AbortSignal): Promise<unknown> {
    const result = this.last.then(() => this.runNow(where, task, seconds, signal));
    this.last = result.catch(() => undefined);
    return result;
  }

  private runNow(where: string, task: DecoderTask, seconds: number, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    const worker = (this.worker ??= this.start());
    return new Promise((resolve, reject) => {
      let ticksLeft = Infinity;
      let used: NodeJS.CpuUsage | undefined;
      const finish = (): void => {
        clearInterval(ticking);
        signal?.removeEventListener("abort", onAbort);
        worker.off("error", onError).off("exit", onExit).off("message", onMessage);
        worker.unref();
      };
      const replace = (error: unknown): void => {
        finish();
        this.worker = undefined;
        void worker.terminate();
        reject(error);
      };
      const fail = (reason: string): void => replace(new TwotempError("data/decode", `${where}: ${reason}`));
      const onAbort = (): void => replace(signal?.reason);
      const onError = (error: Error): void => fail(`decoding failed: ${error.message.split("\n")[0]}`);
      const onExit = (): void => fail("decoding ended the decoder");
      const onMessage = (reply: DecoderReply | "started"): void => {
        if (reply === "started") {
          ticksLeft = Math.ceil(seconds / tickSeconds);
          used = process.cpuUsage();
          return;
        }
        finish();
        if ("value" in reply) resolve(reply.value);
        else reject(new TwotempError("data/decode", `${where}: can't be decoded: ${reply.error}`));
      };
      // Ticks and processor time: neither passes while the process is stopped, the latter not for others' sake either.
      const ticking = setInterval(() => {
        const { user, system } = process.cpuUsage(used);
        if (--ticksLeft < 0 && user + system > seconds * 1e6) fail(`decoding took more than ${seconds.toFixed(1)} s`);
      }, tickSeconds * 1000);
      signal?.addEventListener("abort", onAbort, { once: true });
      worker.once("error", onError).once("exit", onExit).on("message", onMessage);
      worker.ref();
      worker.postMessage(task);
    });
  }

  private start(): Worker {
    const worker = new Worker(join(__dirname, "decoder-worker.js"), {
      resourceLimits: { maxOldGenerationSizeMb: this.heapMegabytes },
      stdout: true,
      stderr: true,
    });
    // What a decoder throws after its reply ends the thread; the next task starts another.
    worker.on("error", () => undefined);
    worker.on("exit", () => {
      if (this.worker === worker) this.worker = undefined;
    });
    worker.unref();
    return worker;
  }
}

const pictureDecoder = new Decoder(pictureMegabytes);
const parquetDecoder = new Decoder(parquetMegabytes);

/** Decodes a picture with jimp and resizes it where a size is given. Throws `data/decode` if it can't be. */
export async function decodePicture(
  where: string,
  bytes: Uint8Array,
  size: { height?: number; width?: number },
  signal?: AbortSignal,
): Promise<DecodedPicture> {
  const seconds = pictureSeconds + (secondsPerMegabyte * bytes.length) / 2 ** 20;
  return (await pictureDecoder.run(where, { kind: "picture", bytes, ...size }, seconds, signal)) as DecodedPicture;
}

/** What a Parquet file says of itself, read with hyparquet. Throws `data/decode` if it isn't one. */
export async function readParquetHead(path: string, signal?: AbortSignal): Promise<ParquetHead> {
  return (await parquetDecoder.run(path, { kind: "parquet-head", path }, parquetSeconds, signal)) as ParquetHead;
}

/** The encoded pictures and labels of some rows of a Parquet file. */
export async function readParquetRows(
  path: string,
  request: { image: string; label: string; rowStart: number; rowEnd: number },
  signal?: AbortSignal,
): Promise<ParquetRows> {
  return (await parquetDecoder.run(
    path,
    { kind: "parquet-rows", path, ...request },
    parquetSeconds,
    signal,
  )) as ParquetRows;
}
