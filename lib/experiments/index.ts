/**
 * Experiments as data, their records, and the machines that make them.
 *
 * **An experiment** is a JSON file: a header (name, title, registered beforehand or exploratory, hypothesis, primary
 * control, stopping rule) and the settings of a *design*. The design expands it into *tasks*.
 *
 * **A task** has a kind, settings, tasks whose results it needs, and the version of the code. Its identity is the SHA-256
 * of these four. The version is a hash of every compiled module that the module which executes the kind reaches through
 * imports, comments and indentation aside, with the engine's name where tensors are involved: so what could change a
 * result changes the identity, and nothing else does. Tasks that need nothing of each other run at the same time, in any
 * order, anywhere.
 *
 * **A record** is a task with its result and the hash of the experiment's file: a file of its own, whose bytes depend on
 * nothing else. When and how long it took is in the store's journal.
 *
 * **A runner** does tasks: `inlineRunner` here, `poolRunner` in processes of this machine, `queueRunner` by the workers of
 * a Redis queue (`work`). `sweep` gives it the tasks that have no record and keeps what comes back.
 *
 * To add a kind of task, write a module in `tasks/` that calls {@link defineTaskKind} with a schema of its settings and a
 * function from settings, results of the tasks it needs and a folder for checkpoints to plain data whose `rows`, if it has
 * any, become the rows of tables; to add a design, one in `designs/` that calls {@link defineDesign}. Both are named once
 * in the folder's `index.ts`.
 */
import "./designs/index.js";

export { type Json } from "./canonical.js";
export { loadCheckpoint, removeCheckpoint, saveCheckpoint } from "./checkpoint.js";
export {
  defineDesign,
  type Design,
  type Experiment,
  type Labels,
  parseExperiment,
  type PlannedTask,
  planExperiment,
  readExperiment,
  stampOf,
  storeFolder,
} from "./experiment.js";
export { type Claim, claims, type EffectOf, type Finding, findings } from "./findings.js";
export { agreement } from "./agreement.js";
export { type OverlapOf, type Prediction, predictions } from "./predictors.js";
export { inlineRunner } from "./inline.js";
export { defineTaskKind, type TaskContext, type TaskKind } from "./kinds.js";
export { keptRows } from "./keptGates.js";
export { overlapRows } from "./overlaps.js";
export { type PoolOptions, poolRunner } from "./pool.js";
export { type QueueAddress, type QueueOptions, queueRunner } from "./queue.js";
export { type ExperimentStamp, type TaskRecord } from "./record.js";
export {
  effectRows,
  resultRows,
  type Row,
  rowsToCsv,
  rowsToDataFrame,
  rowsToJsonLines,
  varianceRows,
} from "./results.js";
export { experimentStatus, type ExperimentStatus, runExperiment, type RunOptions } from "./run.js";
export { type Done, type Order, type Runner, TaskFailed } from "./runner.js";
export { type Failure, RunStore } from "./store.js";
export { saveTables } from "./tables.js";
export { sweep, type SweepOptions, type SweepProgress, type SweepSummary } from "./sweep.js";
export { executeTask, makeTask, type Task } from "./task.js";
export { type Verdict, verdicts } from "./verdicts.js";
export { work, type WorkerOptions } from "./work.js";
