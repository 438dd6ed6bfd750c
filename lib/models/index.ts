export * from "./cnn.js";
export { loadKeras, saveKeras } from "./keras.js";
export * from "./lenet.js";
export * from "./mlp.js";
export * from "./mobilenet.js";
export * from "./operationNetwork.js";
export * from "./operations/index.js";
export * from "./resnet.js";
export * from "./vgg.js";
