import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { wholeJob } from "./whole.js";

test("one seed gives the same bytes in this process and in another, another seed gives others", async () => {
  const here = await wholeJob(0);
  const { stdout } = await promisify(execFile)(process.execPath, [join(__dirname, "whole.js"), "0"], {
    maxBuffer: 1e8,
  });
  assert.equal(stdout, here);
  assert.equal(await wholeJob(0), here);
  assert.notEqual(await wholeJob(1), here);
});
