import * as tf from "@tensorflow/tfjs";
import { attribute, executeRaw, type NativeBackend } from "../engine/native.js";

/** Up to this part of a kernel, from this size on, the product with its entries alone was faster at every batch measured. */
const [densest, smallest] = [0.05, 1 << 17];

/**
 * Makes a dense layer compute with the entries of its kernel that aren't zero, if they are few: `y = (W^T x^T)^T` by
 * TensorFlow's product of a sparse and a dense matrix. For inference alone; the kernel as it is now counts.
 *
 * @returns the tensors that the layer reads from now on in place of its weights, for the caller to dispose of; undefined if the layer stays as it is
 */
export function makeSparse(backend: NativeBackend, layer: tf.layers.Layer): tf.Tensor[] | undefined {
  if (layer.getClassName() !== "Dense") return undefined;
  const [kernel, bias] = layer.getWeights() as [tf.Tensor2D, tf.Tensor1D?];
  const [inputs, units] = kernel.shape;
  if (kernel.size < smallest) return undefined;
  const places: number[] = [];
  const values: number[] = [];
  const all = kernel.dataSync();
  for (let unit = 0; unit < units; unit++) {
    for (let input = 0; input < inputs; input++) {
      const value = all[input * units + unit];
      if (value === 0) continue;
      places.push(unit, input);
      values.push(value);
    }
  }
  if (values.length === 0 || values.length > densest * kernel.size) return undefined;
  const [indices, entries] = [tf.tensor2d(places, [values.length, 2], "int32"), tf.tensor1d(values)];
  layer.weights[0].dispose();
  const { activation } = layer as unknown as { activation: { apply(x: tf.Tensor): tf.Tensor } };
  layer.call = (given) =>
    tf.tidy(() => {
      const [x] = [given].flat() as tf.Tensor[];
      const rows = tf.reshape(x, [-1, inputs]);
      const product = tf.transpose(sparseProduct(backend, indices, entries, [units, inputs], rows));
      const linear = tf.reshape(product, [...x.shape.slice(0, -1), units]);
      return activation.apply(bias ? tf.add(linear, bias) : linear);
    });
  return bias ? [indices, entries, bias] : [indices, entries];
}

/** `A B^T` for a sparse A of this shape, which TensorFlow.js can't give: it is in 64 bits. */
function sparseProduct(
  backend: NativeBackend,
  indices: tf.Tensor,
  values: tf.Tensor,
  shape: readonly [number, number],
  rows: tf.Tensor,
): tf.Tensor2D {
  const { int32, int64, float32, bool } = attribute;
  const ids = backend.getInputTensorIds([indices, values, tf.tensor1d(shape as unknown as number[], "int32"), rows]);
  const [wide] = executeRaw(backend, "Cast", [int32("SrcT"), int64("DstT")], [ids[2]], 1);
  const attributes = [float32("T"), int32("Tindices"), bool("adjoint_a", false), bool("adjoint_b", true)];
  const [product] = executeRaw(backend, "SparseTensorDenseMatMul", attributes, [ids[0], ids[1], wide.id, ids[3]], 1);
  backend.binding.deleteTensor(wide.id);
  return backend.createOutputTensor(product) as tf.Tensor2D;
}
