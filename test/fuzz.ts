import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Random } from "../lib/engine/random.js";
import { TwotempError } from "../lib/errors.js";

/** Mutated inputs for each reader. */
export const runs: number = 20_000;

/** Of the process at its peak, above what it held before. */
const allowedGrowth = 500 << 20;

/** Things that parsers trip over. */
const nasty = [
  "null",
  "true",
  "-0",
  "1e999",
  "NaN",
  "9007199254740993",
  '"__proto__"',
  '"constructor"',
  "[]",
  "{}",
  '""',
  "\\u0000",
  "[".repeat(5000),
  '{"a":'.repeat(3000),
  "2147483648",
  "-1",
  "4294967295",
  "../../etc/passwd",
  "\u2028",
  "\ud800",
  "1e-400",
];

/** The bytes with a few of them changed, taken out, doubled or replaced by something nasty. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let out = bytes;
  for (let changes = 1 + random.integer(3); changes > 0; changes--) {
    const at = random.integer(out.length + 1);
    const end = Math.min(out.length, at + random.integer(40));
    const kind = random.integer(6);
    const before = out.subarray(0, at);
    if (kind === 0) out = Buffer.concat([before, Buffer.from([random.integer(256)]), out.subarray(at + 1)]);
    else if (kind === 1) out = Buffer.concat([before, out.subarray(end)]);
    else if (kind === 2) out = Buffer.concat([before, out.subarray(at, end), out.subarray(at)]);
    else if (kind === 3) out = before;
    else if (kind === 4)
      out = Buffer.concat([before, Buffer.from(nasty[random.integer(nasty.length)]), out.subarray(end)]);
    else {
      // A whole number or word of JSON replaced by something else: what most mutations don't reach.
      const text = out.toString("latin1");
      const tokens = [...text.matchAll(/-?\d+(\.\d+)?|"[^"]*"|true|null/g)];
      const token = tokens[random.integer(Math.max(1, tokens.length))];
      if (token) {
        const other = nasty[random.integer(nasty.length)];
        out = Buffer.from(text.slice(0, token.index) + other + text.slice(token.index + token[0].length), "latin1");
      }
    }
  }
  return out;
}

/** By how many bytes the process grows at most while work is done. */
export async function peakGrowth(work: () => Promise<unknown>): Promise<number> {
  let before = process.memoryUsage.rss();
  try {
    writeFileSync("/proc/self/clear_refs", "5"); // forgets the peak so far
  } catch {
    before = process.resourceUsage().maxRSS * 1024; // elsewhere than on Linux
  }
  await work();
  return process.resourceUsage().maxRSS * 1024 - before;
}

/** Feeds a reader mutated inputs: it takes them or throws a typed error of one line, each within a second. */
export async function fuzz(
  name: string,
  seed: Buffer,
  reader: (input: Buffer) => unknown,
  amend: (bytes: Buffer, random: Random) => Buffer = (x) => x,
): Promise<void> {
  const outcomes = { taken: 0, refused: 0 };
  let slowest = 0;
  const growth = await peakGrowth(async () => {
    for (let i = 0; i < runs; i++) {
      const random = new Random(i, "fuzz", name);
      const input = amend(mutate(seed, random), random);
      // The processor's time, for the machine may be busy with something else.
      const started = process.cpuUsage();
      try {
        await reader(input);
        outcomes.taken++;
      } catch (error) {
        const typed = error instanceof TwotempError && !error.message.includes("\n");
        assert.ok(typed, `run ${i}: ${(error as Error)?.stack}\n${input.toString("latin1").slice(0, 2000)}`);
        outcomes.refused++;
      }
      const { user, system } = process.cpuUsage(started);
      slowest = Math.max(slowest, (user + system) / 1000);
    }
  });
  assert.ok(outcomes.refused > runs / 100, JSON.stringify(outcomes));
  assert.ok(slowest < 1000, `${slowest} ms`);
  assert.ok(growth < allowedGrowth, `${name} grew by ${growth >> 20} MB at most`);
}
