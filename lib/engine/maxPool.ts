import * as tf from "@tensorflow/tfjs";
import { type AttributeMaker, executeRaw, type NativeBackend, nativeBackend } from "./native.js";
import { poolAttributes } from "./oneDnn.js";

/** Where oneDNN remembers which value of each window was largest, by the pooled tensor's data. */
const workspaces = new WeakMap<object, number>();

interface Window {
  readonly ksize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: string;
}

const attributes = ({ ksize, strides, padding }: Window): AttributeMaker[] => poolAttributes(ksize, strides, padding);

/** The window of a pooling call, or undefined where it is padded explicitly. */
function windowOf(x: tf.TensorInfo, attrs: tf.NamedAttrMap | undefined): Window | undefined {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as tf.MaxPoolAttrs;
  const shape = x.shape as [number, number, number, number];
  const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  if (info.padInfo.type !== "VALID" && info.padInfo.type !== "SAME") return undefined;
  return {
    ksize: [1, info.filterHeight, info.filterWidth, 1],
    strides: [1, info.strideHeight, info.strideWidth, 1],
    padding: info.padInfo.type,
  };
}

/**
 * Max pooling whose gradient needn't look for the largest values again: oneDNN's forward op also returns where they
 * were, and while gradients are recorded that is kept beside the pooled tensor and goes when the tensor goes.
 */
export function useNativeMaxPool(backend: NativeBackend): void {
  const dispose = backend.disposeData.bind(backend);
  backend.disposeData = (dataId, force) => {
    const gone = dispose(dataId, force);
    const workspace = workspaces.get(dataId);
    if (gone && workspace !== undefined) {
      workspaces.delete(dataId);
      backend.binding.deleteTensor(workspace);
    }
    return gone;
  };

  const plain = tf.getKernel(tf.MaxPool, "tensorflow");
  tf.unregisterKernel(tf.MaxPool, "tensorflow");
  tf.registerKernel({
    ...plain,
    kernelFunc: (params) => {
      const { x } = params.inputs;
      const recording = Boolean(tf.engine().state.activeTape);
      const window = recording && x!.dtype === "float32" ? windowOf(x!, params.attrs) : undefined;
      if (!window) return plain.kernelFunc(params);
      const ids = backend.getInputTensorIds([x!]);
      const [pooled, workspace] = executeRaw(backend, "_MklNativeMaxPool", attributes(window), ids, 2);
      const y = backend.createOutputTensor(pooled);
      workspaces.set(y.dataId, workspace.id);
      return y;
    },
  });

  const composed = tf.getGradient(tf.MaxPool);
  tf.unregisterGradient(tf.MaxPool);
  tf.registerGradient({
    ...composed,
    gradFunc: (dy, saved, attrs) => {
      const [x, y] = saved;
      const workspace = workspaces.get(y.dataId);
      const window = windowOf(x, attrs);
      if (workspace === undefined || !window || !nativeBackend()) return composed.gradFunc(dy, saved, attrs);
      const gradient = (): tf.Tensor => {
        const ids = [...backend.getInputTensorIds([x, y, dy as tf.Tensor]), workspace];
        const [dx] = executeRaw(backend, "_MklNativeMaxPoolGrad", attributes(window), ids, 1);
        return backend.createOutputTensor(dx);
      };
      return { x: gradient };
    },
  });
}
