import * as tf from "@tensorflow/tfjs";
import { attribute, type AttributeMaker, execute, type NativeBackend } from "./native.js";

/** Selects oneDNN's kernel of an op, as TensorFlow's own rewriting of ops does. */
export const oneDnnKernel: AttributeMaker = attribute.string("_kernel", "MklNameChangeOp");

/** Attributes of a pooling op. */
export function poolAttributes(
  ksize: readonly number[],
  strides: readonly number[],
  padding: string,
): AttributeMaker[] {
  return [
    attribute.float32("T"),
    attribute.int("ksize", ksize),
    attribute.int("strides", strides),
    attribute.string("padding", padding),
    attribute.bool("workspace_enabled", true),
    oneDnnKernel,
  ];
}

let present: boolean | undefined;

/** Whether this TensorFlow was built with oneDNN, runs on the processor, and has oneDNN switched on: asked of an op. */
export function hasOneDnn(backend: NativeBackend): boolean {
  return (present ??= !backend.isUsingGpuDevice && runsOneDnn(backend));
}

function runsOneDnn(backend: NativeBackend): boolean {
  const probe = tf.zeros([1, 1, 1, 1]);
  try {
    const ones = [1, 1, 1, 1];
    execute(backend, "_MklNativeMaxPool", poolAttributes(ones, ones, "VALID"), [probe], 2, 0);
    return true;
  } catch {
    return false;
  } finally {
    probe.dispose();
  }
}
