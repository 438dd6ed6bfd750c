import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { certify, compareEstimators, interruptible, openData, readImages } from "../../lib/index.js";
import { encodedPicture, put } from "../data/support.js";
import { temporaryFolder } from "../scripts/support.js";
import { busy, until } from "../support.js";
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

  describe("Stop ends within a second, with what was reached,", () => {
    let pressed = 0;
    const press = (): void => {
      if (pressed > 0) return;
      pressed = performance.now();
      process.emit("SIGINT");
    };
    beforeEach(() => (pressed = 0));
    afterEach(() => {
      const late = performance.now() - pressed;
      assert.ok(late < 1000 * busy(), `${late} ms`);
      assert.equal(interrupts, 0);
    });

    test("the theorems on the testbed", async () => {
      const { rows, runs } = await certify({ seeds: 20, onProgress: press });
      assert.ok(runs.length >= 7 && runs.length < 14, `${runs.length} searches`);
      assert.ok(rows.length > runs.length && rows.every(({ holds }) => holds));
    });

    test("a comparison of estimators", async () => {
      const two = ["two-temperature", "straight-through"] as const;
      const few = { estimators: two, seeds: 2, tuningSeeds: 1, steps: 20, stepSizes: [0.03] };
      const scores = await compareEstimators({ ...few, onProgress: ({ done }) => done === 4 && press() });
      assert.deepEqual(
        scores.map(({ estimator }) => estimator),
        ["two-temperature"],
      );
    });

    for (const read of [openData, readImages]) {
      test(`${read.name} of pictures, of which there is no part`, async () => {
        const folder = temporaryFolder("stopped pictures");
        const picture = await encodedPicture(2, 2, () => 0x808080ff);
        for (const name of ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]) put(folder, name, picture);
        await assert.rejects(read(folder, { onProgress: press }), { code: "work/stopped" });
        kernel.nextCell();
        assert.equal((await read(folder)).classCount, 2);
      });
    }
  });

  test("outside a kernel no listener is touched", async () => {
    kernel.stop();
    assert.equal(await interruptible(undefined, async () => process.listenerCount("SIGINT")), 1);
    const aborted = AbortSignal.abort();
    assert.equal(await interruptible(aborted, counting), 0);
  });
});
