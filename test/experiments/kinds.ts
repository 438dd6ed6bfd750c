import { appendFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { Random } from "../../lib/engine/random.js";
import { defineTaskKind } from "../../lib/experiments/kinds.js";

/**
 * A seeded computation that can misbehave once: the marker file says whether it has done so already, so that the result
 * depends on the settings only.
 */
const settings = z.strictObject({
  seed: z.number().int(),
  size: z.number().int().min(1).max(1e6).default(1000),
  milliseconds: z.number().min(0).max(60_000).default(0),
  /** Busy, not idle: holds the event loop. */
  spin: z.number().min(0).max(60_000).default(0),
  fault: z.enum(["none", "exit", "kill", "hang", "leak", "throw", "always-throw", "nan", "die-idle"]).default("none"),
  marker: z.string().default(""),
  /** A folder in which two tasks wait for each other. */
  meeting: z.string().default(""),
  log: z.string().default(""),
});

const held: Buffer[] = [];

defineTaskKind({
  name: "walk",
  settings,
  module: __filename,
  usesEngine: false,
  execute: async ({ seed, size, milliseconds, spin, fault, marker, meeting, log }, { inputs }) => {
    if (log) appendFileSync(log, `${seed} ${process.pid}\n`);
    const first = fault !== "none" && !existsSync(marker);
    if (first && marker) writeFileSync(marker, "");
    if (fault === "always-throw" || (fault === "throw" && first)) throw new Error(`walk ${seed} stumbled`);
    if (fault === "exit" && first) process.exit(7);
    if (fault === "kill" && first) process.kill(process.pid, "SIGKILL");
    if (fault === "hang" && first) for (;;);
    if (fault === "leak" && first) {
      for (let i = 0; i < 4000; i++) {
        held.push(Buffer.alloc(1 << 20, 1));
        await delay(1);
      }
    }
    if (fault === "die-idle") setTimeout(() => process.kill(process.pid, "SIGKILL"), 100);
    if (fault === "nan") return { value: NaN };
    if (meeting) {
      writeFileSync(join(meeting, String(seed)), "");
      for (const until = performance.now() + 20_000; readdirSync(meeting).length < 2; await delay(10)) {
        if (performance.now() > until) throw new Error(`walk ${seed} was alone`);
      }
    }
    if (milliseconds > 0) await delay(milliseconds);
    const until = performance.now() + spin;
    while (performance.now() < until);
    const random = new Random(seed, "walk");
    let position = inputs.reduce<number>((sum, input) => sum + (input as { end: number }).end, 0);
    for (let i = 0; i < size; i++) position += random.normal();
    return { end: position, rows: [{ step: size, position }] };
  },
});
