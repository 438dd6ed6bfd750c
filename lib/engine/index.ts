export * from "./batchNorm.js";
export * from "./compiled.js";
export * from "./loss.js";
export * from "./optimizer.js";
export * from "./random.js";
export * from "./ready.js";
