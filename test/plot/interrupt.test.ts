import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { interruptible } from "../../lib/index.js";
import { until } from "../support.js";
import { fakeKernel } from "./kernel.js";

describe("interruptible work", () => {
  let kernel: ReturnType<typeof fakeKernel>;
  let interrupts = 0;
  let running = 0;
  const listener = (): void => void (interrupts += 1);
  beforeEach(() => {
    kernel = fakeKernel();
    interrupts = 0;
    running = 0;
    process.on("SIGINT", listener);
  });
  afterEach(() => {
    kernel.stop();
    process.off("SIGINT", listener);
  });

  const most = 1_000_000;
  /** Counts until its signal aborts. */
  const counting = async (signal: AbortSignal): Promise<number> => {
    let count = 0;
    running += 1;
    while (!signal.aborted && count < most) {
      count += 1;
      // Not a timer, which on a busy machine can keep the others from their turn.
      await setImmediate();
    }
    return count;
  };
  const begun = (works: number): Promise<void> => until("work to begin", () => running === works);

  test("the first interrupt ends it with what it reached, the kernel doesn't see it", async () => {
    const work = interruptible(undefined, counting);
    await begun(1);
    assert.equal(process.listenerCount("SIGINT"), 1);
    process.emit("SIGINT");
    const count = await work;
    assert.ok(count > 0 && count < most, String(count));
    assert.equal(interrupts, 0);
    assert.deepEqual(process.listeners("SIGINT"), [listener]);
  });

  test("the second interrupt reaches the kernel", async () => {
    let end: (() => void) | undefined;
    const work = interruptible(undefined, () => new Promise<void>((resolve) => (end = resolve)));
    await until("work to begin", () => end !== undefined);
    process.emit("SIGINT");
    assert.equal(interrupts, 0);
    process.emit("SIGINT");
    assert.equal(interrupts, 1);
    end!();
    await work;
  });

  test("nested and parallel work ends together; listeners come back once", async () => {
    const nested = interruptible(undefined, async () => [await interruptible(undefined, counting), 1]);
    const beside = interruptible(undefined, counting);
    await begun(2);
    process.emit("SIGINT");
    const [[inner], other] = await Promise.all([nested, beside]);
    assert.ok(inner < most && other < most);
    assert.deepEqual(process.listeners("SIGINT"), [listener]);
  });

  test("what the same cell starts later ends at once, the next cell's work runs", async () => {
    const work = interruptible(undefined, counting);
    await begun(1);
    process.emit("SIGINT");
    await work;
    assert.equal(await interruptible(undefined, counting), 0);
    kernel.nextCell();
    assert.equal(await interruptible(undefined, async (signal) => signal.aborted), false);
  });

  test("the caller's own signal ends it too, and errors put the listeners back", async () => {
    const controller = new AbortController();
    const work = interruptible(controller.signal, counting);
    await begun(1);
    controller.abort();
    assert.ok((await work) < most);
    await assert.rejects(
      interruptible(undefined, () => Promise.reject(new Error("planned"))),
      /planned/,
    );
    assert.deepEqual(process.listeners("SIGINT"), [listener]);
  });

  test("outside a kernel no listener is touched", async () => {
    kernel.stop();
    assert.equal(await interruptible(undefined, async () => process.listenerCount("SIGINT")), 1);
    const aborted = AbortSignal.abort();
    assert.equal(await interruptible(aborted, counting), 0);
  });
});
