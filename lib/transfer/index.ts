export { type EffectRow, type SummaryRow, type TransferRecord, TransferResult, type TuningRecord } from "./result.js";
export { retrain, type RetrainingJob, type RetrainOptions } from "./retrain.js";
export { type FewShotTask, type Labelled, targetTasks, testQueries, tuningTasks } from "./task.js";
export { transfer, type TransferOptions } from "./transfer.js";
export { saveTransfer } from "./save.js";
