export * from "./cnn.js";
export * from "./mlp.js";
