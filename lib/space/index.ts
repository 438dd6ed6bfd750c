export * from "./types.js";
export * from "./forward.js";
