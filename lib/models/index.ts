export * from "./cnn.js";
export * from "./mlp.js";
export * from "./operationNetwork.js";
export * from "./operations/index.js";
