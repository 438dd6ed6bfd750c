import { statSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { TwotempError } from "../errors.js";

/** What a Keras HDF5 file holds: the model's description, and each layer's weights in their order. */
export interface KerasFile {
  readonly config: string;
  readonly kerasVersion: string;
  readonly weights: ReadonlyMap<string, readonly KerasWeight[]>;
}

export interface KerasWeight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What the reading thread says: that it has its library, and then how it ended. */
export type KerasReply = { readonly started: true } | { readonly file: KerasFile } | { readonly error: string };

/** Bytes that are read in a second at the least. */
const bytesPerSecond = 20e6;

/**
 * Reads a Keras HDF5 file in a thread of its own: on damaged files the HDF5 library may never return.
 *
 * @throws TwotempError `models/keras` if it can't be read, or takes more than a second and one for each 20 MB
 */
export async function readKerasFile(path: string): Promise<KerasFile> {
  const invalid = (what: string): TwotempError => new TwotempError("models/keras", `${path} can't be read: ${what}`);
  const worker = new Worker(join(__dirname, "kerasFileReader.js"), { workerData: path, stdout: true, stderr: true });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<KerasFile>((resolve, reject) => {
      const seconds = 1 + statSync(path).size / bytesPerSecond;
      worker.on("error", (error) => reject(invalid(error.message.split("\n")[0])));
      worker.on("exit", () => reject(invalid("the HDF5 library gave up")));
      worker.on("message", (reply: KerasReply) => {
        if ("file" in reply) resolve(reply.file);
        else if ("error" in reply) reject(invalid(reply.error));
        else
          timer = setTimeout(
            () => reject(invalid("the HDF5 library didn't come to an end: it is damaged")),
            1000 * seconds,
          );
      });
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
