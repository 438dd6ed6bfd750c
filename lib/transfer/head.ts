import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { type SearchSpace, searchSpace } from "../space/index.js";

/**
 * The space of the same model with a head for another number of classes, so that an architecture learned on one data
 * set can be trained on another. Gates never act on the outputs of the head, so the masks fit both.
 *
 * @throws TwotempError `transfer/head` if the model doesn't end in a Dense layer (and perhaps an activation)
 */
export function withClasses(space: SearchSpace, classes: number): SearchSpace {
  const { model } = space;
  if (model.outputs.length === 1 && model.outputs[0].shape.at(-1) === classes) return space;
  const last = model.layers.at(-1)!;
  const tail = ["Activation", "Softmax"].includes(last.getClassName()) ? [last] : [];
  const head = tail.length > 0 ? model.layers.at(-2)! : last;
  if (model.outputs.length !== 1 || head.getClassName() !== "Dense") {
    throw new TwotempError(
      "transfer/head",
      `${model.name} has ${model.outputs[0].shape.at(-1)} outputs and ends in ${head.getClassName()}: only a Dense head can be rebuilt for ${classes} classes`,
    );
  }
  const rebuilt = tf.layers.dense({ ...(head.getConfig() as Parameters<typeof tf.layers.dense>[0]), units: classes });
  let output = rebuilt.apply(head.input as tf.SymbolicTensor) as tf.SymbolicTensor;
  for (const layer of tail) output = layer.apply(output) as tf.SymbolicTensor;
  return searchSpace(tf.model({ inputs: model.inputs, outputs: output, name: model.name }), space.options);
}
