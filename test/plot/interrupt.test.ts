import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { interruptible } from "../../lib/index.js";
import { fakeKernel } from "./kernel.js";

describe("interruptible work", () => {
  let kernel: ReturnType<typeof fakeKernel>;
  let interrupts = 0;
  const listener = (): void => void (interrupts += 1);
  beforeEach(() => {
    kernel = fakeKernel();
    interrupts = 0;
    process.on("SIGINT", listener);
  });
  afterEach(() => {
    kernel.stop();
    process.off("SIGINT", listener);
  });

  /** Counts until its signal aborts. */
  const counting = async (signal: AbortSignal): Promise<number> => {
    let count = 0;
    while (!signal.aborted && count < 1000) {
      count += 1;
      await setTimeout(1);
    }
    return count;
  };

  test("the first interrupt ends it with what it reached, the kernel doesn't see it", async () => {
    const work = interruptible(undefined, counting);
    await setTimeout(20);
    assert.equal(process.listenerCount("SIGINT"), 1);
    process.emit("SIGINT");
    const count = await work;
    assert.ok(count > 0 && count < 1000, String(count));
    assert.equal(interrupts, 0);
    assert.deepEqual(process.listeners("SIGINT"), [listener]);
  });

  test("the second interrupt reaches the kernel", async () => {
    const work = interruptible(undefined, () => setTimeout(60));
    await setTimeout(10);
    process.emit("SIGINT");
    assert.equal(interrupts, 0);
    process.emit("SIGINT");
    assert.equal(interrupts, 1);
    await work;
  });

  test("nested and parallel work ends together; listeners come back once", async () => {
    const nested = interruptible(undefined, async () => [await interruptible(undefined, counting), 1]);
    const beside = interruptible(undefined, counting);
    await setTimeout(20);
    process.emit("SIGINT");
    const [[inner], other] = await Promise.all([nested, beside]);
    assert.ok(inner < 1000 && other < 1000);
    assert.deepEqual(process.listeners("SIGINT"), [listener]);
  });

  test("what the same cell starts later ends at once, the next cell's work runs", async () => {
    const work = interruptible(undefined, counting);
    await setTimeout(10);
    process.emit("SIGINT");
    await work;
    assert.equal(await interruptible(undefined, counting), 0);
    kernel.nextCell();
    assert.equal(await interruptible(undefined, async (signal) => signal.aborted), false);
  });

  test("the caller's own signal ends it too, and errors put the listeners back", async () => {
    const controller = new AbortController();
    const work = interruptible(controller.signal, counting);
    await setTimeout(10);
    controller.abort();
    assert.ok((await work) < 1000);
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
