export * from "./random.js";
export * from "./ready.js";
