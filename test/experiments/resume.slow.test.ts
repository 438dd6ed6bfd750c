import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../../lib/engine/random.js";
import { decodeCheckpoint } from "../../lib/experiments/checkpoint.js";
import { emptyFolder } from "./support.js";

const kills = 50;

/** Starts the search, and kills it so many steps and milliseconds later if that is given. Its result, if it got there. */
async function runSearch(
  args: readonly string[],
  kill?: { readonly steps: number; readonly milliseconds: number },
): Promise<string | undefined> {
  const script = join(__dirname, "searchProcess.js");
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  let steps = 0;
  const due = new Promise<void>((resolve) => {
    child.stdout.on("data", (data: Buffer) => {
      chunks.push(data);
      steps += data.toString().split("step\n").length - 1;
      if (kill && steps >= kill.steps) resolve();
    });
  });
  const gone = once(child, "close");
  if (kill) {
    await Promise.race([due, gone]);
    await Promise.race([delay(kill.milliseconds), gone]);
    child.kill("SIGKILL");
  }
  await gone;
  return /^result (.*)$/m.exec(Buffer.concat(chunks).toString())?.[1];
}

describe("a search that is killed goes on exactly", { timeout: 3_600_000 }, () => {
  for (const [engine, update, weights] of [
    ["tensorflow", "adaptive", "reset"],
    ["wasm", "adam", "joint"],
  ]) {
    test(`${engine}: ${kills} kills, and the result is that of the uninterrupted run, byte for byte`, async (context) => {
      const options = ["2000", update, weights];
      const uninterrupted = await runSearch([engine, "", ...options]);
      assert.ok(uninterrupted && uninterrupted.length > 1000);
      const scratch = emptyFolder(context);
      const random = new Random(1, "kill", engine);
      const steps: number[] = [];
      let duringWrite = 0;
      let result: string | undefined;
      for (let i = 0; i < kills && result === undefined; i++) {
        result = await runSearch([engine, scratch, ...options], {
          steps: 1 + random.integer(60),
          milliseconds: 20 * random.uniform(),
        });
        const path = join(scratch, "search.checkpoint");
        const last = [path, `${path}.previous`].find((file) => existsSync(file));
        if (last) steps.push((decodeCheckpoint(readFileSync(last), last) as { step: number }).step);
        // A process that dies between opening and renaming the new checkpoint leaves its temporary file.
        duringWrite = readdirSync(scratch).filter((file) => file.endsWith(".tmp")).length;
      }
      context.diagnostic(
        `steps when killed: ${steps.join(" ")}; ${duringWrite} kills during the write of a checkpoint`,
      );
      assert.equal(result, undefined, "all kills came before the end");
      assert.ok(duringWrite > 0);
      assert.ok(new Set(steps).size > kills / 3, "the kills were at different steps");
      assert.equal(await runSearch([engine, scratch, ...options]), uninterrupted);
    });
  }
});
