import * as tf from "@tensorflow/tfjs";

/** One attribute of a TensorFlow op, as the native binding takes it. */
export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** What of TensorFlow.js's native binding this room calls: ids stand for TensorFlow's own tensor handles. */
export interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
  readonly TF_RESOURCE: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_Version: string;
  executeOp(op: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): Output[];
  createTensor(shape: readonly number[], dtype: number, values: unknown): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): unknown;
  /** What the project adds: makes a graph a function, with its inputs and outputs as `node:output`. */
  addFunction(name: string, graph: Buffer, inputs: readonly string[], outputs: readonly string[]): void;
  /** The project adds: bytes that native code has allocated and not freed; undefined where the C library doesn't tell. */
  allocatedBytes(): number | undefined;
  /** The project adds, for processors that take its own kernels: `values * scale` of rows, into `out`. */
  scaledRows(values: Uint8Array | Float32Array, rows: Int32Array, scale: number, out: Float32Array): void;
  /** Whether it also adds the project's own kernels (`binding/kernels.h`). */
  readonly hasOwnKernels: boolean;
  /** Whether the processor has AVX-512. */
  readonly hasAvx512: boolean;
}

interface Output {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The native backend, as far as this room reaches into it. */
export interface NativeBackend {
  binding: Binding;
  readonly tensorMap: { get(dataId: object): { refCount: number }; has(dataId: object): boolean };
  readonly isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(output: Output): tf.Tensor;
  incRef(dataId: object): void;
  disposeData(dataId: object, force?: boolean): boolean;
}

/** Whether the project's own kernels are there, and on the device that computes. */
export function hasOwnKernels({ binding, isUsingGpuDevice }: NativeBackend): boolean {
  return binding.hasOwnKernels && !isUsingGpuDevice;
}

/** The native backend if it is the one that runs, else undefined. */
export function nativeBackend(): NativeBackend | undefined {
  return tf.getBackend() === "tensorflow" ? (tf.backend() as unknown as NativeBackend) : undefined;
}

/** The native backend if it runs and the project's own kernels are there, else undefined. */
export function ownKernels(): NativeBackend | undefined {
  const native = nativeBackend();
  return native && hasOwnKernels(native) ? native : undefined;
}

/** Hands a tensor's values to the engine now: TensorFlow.js would keep them until the first op that reads the tensor. */
export function upload<T extends tf.Tensor>(tensor: T): T {
  nativeBackend()?.getInputTensorIds([tensor]);
  return tensor;
}

/** A tensor of a long vector, in float32, whose values are the engine's. */
export function uploaded(vector: ArrayLike<number>): tf.Tensor1D {
  return upload(tf.tensor1d(Float32Array.from(vector)));
}

/**
 * An array that may be filled anew as soon as {@link upload} has made a tensor of it: TensorFlow copies the values of arrays that
 * aren't aligned, and others it would go on to read where they are.
 */
export function reusable(length: number): Float32Array {
  return new Float32Array(new ArrayBuffer(4 * (length + 1)), 4, length);
}

/** A copy of a float32 tensor's values. */
export function downloaded(tensor: tf.Tensor): Float32Array {
  const values = tensor.dataSync<"float32">();
  // The native engine has copied them already; of others they may be the tensor's own.
  return nativeBackend() ? values : values.slice();
}

/** An attribute of an op, still to be told the binding's numbers for the types. */
export type AttributeMaker = (binding: Binding) => Attribute;

/** One maker a type of attribute, since JavaScript's numbers don't tell whole ones from fractions. */
export const attribute: {
  string(name: string, value: string): AttributeMaker;
  int(name: string, value: number | readonly number[]): AttributeMaker;
  float(name: string, value: number): AttributeMaker;
  bool(name: string, value: boolean): AttributeMaker;
  float32(name: string): AttributeMaker;
  int32(name: string): AttributeMaker;
  int64(name: string): AttributeMaker;
  shape(name: string, value: readonly number[]): AttributeMaker;
} = {
  string: (name, value) => (binding) => ({ name, type: binding.TF_ATTR_STRING, value }),
  int: (name, value) => (binding) => ({ name, type: binding.TF_ATTR_INT, value }),
  float: (name, value) => (binding) => ({ name, type: binding.TF_ATTR_FLOAT, value }),
  bool: (name, value) => (binding) => ({ name, type: binding.TF_ATTR_BOOL, value }),
  float32: (name) => (binding) => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }),
  int32: (name) => (binding) => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 }),
  int64: (name) => (binding) => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_INT64 }),
  shape: (name, value) => (binding) => ({ name, type: binding.TF_ATTR_SHAPE, value }),
};

/** Runs any op of TensorFlow and leaves its outputs as they are: the caller deletes them or makes tensors of them. */
export function executeRaw(
  backend: NativeBackend,
  op: string,
  attributes: readonly AttributeMaker[],
  inputs: readonly number[],
  outputs: number,
): Output[] {
  const { binding } = backend;
  const made = attributes.map((make) => make(binding));
  return binding.executeOp(op, made, inputs, outputs);
}

/**
 * Runs any op of TensorFlow on tensors.
 *
 * @param op - TensorFlow's name, for example `"ReluGrad"`
 * @param attributes - made by {@link attribute}
 * @param outputs - how many outputs the op has
 * @param wanted - how many of them, from the first, become tensors; the rest are deleted
 * @throws Error what TensorFlow says of the op or its inputs
 */
export function execute(
  backend: NativeBackend,
  op: string,
  attributes: readonly AttributeMaker[],
  inputs: readonly tf.TensorInfo[],
  outputs: number = 1,
  wanted: number = outputs,
): tf.Tensor[] {
  const made = executeRaw(backend, op, attributes, backend.getInputTensorIds(inputs), outputs);
  for (const output of made.slice(wanted)) backend.binding.deleteTensor(output.id);
  return made.slice(0, wanted).map((output) => backend.createOutputTensor(output));
}

/** Whether an op for float32 can take all of them. */
export const allFloat = (tensors: readonly tf.Tensor[]): boolean => tensors.every(({ dtype }) => dtype === "float32");

/** Tensors by what they are to a kernel. */
export type KernelInputs = Readonly<Record<string, tf.Tensor | undefined>>;

/** Puts a kernel in front of the native backend's own, which runs where the new one returns nothing. */
export function putInFront<Attributes>(
  kernelName: string,
  kernel: (inputs: KernelInputs, attributes: Attributes) => tf.TensorInfo | undefined,
): void {
  const stock = tf.getKernel(kernelName, "tensorflow");
  tf.unregisterKernel(kernelName, "tensorflow");
  tf.registerKernel({
    ...stock,
    kernelFunc: (params) =>
      kernel(params.inputs as unknown as KernelInputs, params.attrs as Attributes) ?? stock.kernelFunc(params),
  });
}
