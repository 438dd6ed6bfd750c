import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { root } from "../scripts/support.js";

const work = `
const { ready } = require(${JSON.stringify(join(root, "dist", "lib", "engine", "index.js"))});
const tf = require("@tensorflow/tfjs");
let heard = 0;
process.on("SIGUSR2", () => heard++);
ready({ threads: 1 }).then(async () => {
  console.log("ready");
  const x = tf.ones([128, 784]);
  const w = tf.fill([784, 300], 1 / 784);
  for (const started = Date.now(); Date.now() - started < 4000; ) {
    for (let i = 0; i < 50; i++) {
      const least = tf.tidy(() => tf.min(tf.matMul(x, tf.mul(w, 1))).dataSync()[0]);
      if (Math.abs(least - 1) > 1e-4) throw new Error("a product is " + least);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  console.log("heard", heard);
  process.exit(0);
});`;

test("computing survives signals, and they are heard", async () => {
  const child = spawn(process.execPath, ["-e", work], { cwd: root });
  let said = "";
  let sent = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const closed = once(child, "close");
  while (child.exitCode === null && child.signalCode === null) {
    if (said.includes("ready")) {
      child.kill("SIGUSR2");
      sent++;
    }
    await delay(1);
  }
  const [status, signal] = (await closed) as [number | null, string | null];
  assert.deepEqual([status, signal], [0, null], said);
  assert.ok(sent > 500 && Number(/heard (\d+)/.exec(said)?.[1]) > 10, `${sent} sent: ${said}`);
});
