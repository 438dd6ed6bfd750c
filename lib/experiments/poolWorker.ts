import { createRequire } from "node:module";
import { worker, workerEmit } from "workerpool";
import { ready } from "../engine/index.js";
import { TwotempError } from "../errors.js";
import type { Json } from "./canonical.js";
import { taskKind } from "./kinds.js";
import type { Answer } from "./pool.js";
import { describe } from "./runner.js";
import { executeTask, type Task } from "./task.js";

// Ctrl-C reaches the whole process group: the parent decides what becomes of this process.
process.on("SIGINT", () => {});

for (const module of process.argv.slice(2)) createRequire(__filename)(module);

async function execute(task: Task, inputs: Json[], scratch: string): Promise<Answer & { memory: number }> {
  workerEmit({ pid: process.pid });
  let answer: Answer;
  try {
    if (taskKind(task.kind).usesEngine) await ready();
    answer = { result: await executeTask(task, { inputs, scratch }) };
  } catch (error) {
    const typed = error instanceof TwotempError;
    answer = { code: typed ? error.code : undefined, error: typed ? error.message : describe(error) };
  }
  return { ...answer, memory: process.memoryUsage.rss() };
}

worker({ execute });
