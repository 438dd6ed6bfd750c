import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { sameClass } from "../space/compact.js";
import { type Architecture, type SearchSpace, searchSpace } from "../space/index.js";

/** Heads that have been made, so that comparisons of one space share them. */
const made = new WeakMap<SearchSpace, Map<number, SearchSpace>>();

/**
 * The space of the same model with a head for another number of classes, so that an architecture learned on one data
 * set can be trained on another.
 *
 * @throws TwotempError `transfer/head` if the model doesn't end in a Dense layer (and perhaps an activation)
 */
export function withClasses(space: SearchSpace, classes: number): SearchSpace {
  const { model } = space;
  if (model.outputs.length === 1 && model.outputs[0].shape.at(-1) === classes) return space;
  const known = made.get(space) ?? new Map<number, SearchSpace>();
  made.set(space, known);
  if (!known.has(classes)) known.set(classes, rebuilt(space, classes));
  return known.get(classes)!;
}

function rebuilt({ model, gates }: SearchSpace, classes: number): SearchSpace {
  const last = model.layers.at(-1)!;
  const tail = ["Activation", "Softmax"].includes(last.getClassName()) ? [last] : [];
  const head = tail.length > 0 ? model.layers.at(-2)! : last;
  if (model.outputs.length !== 1 || head.getClassName() !== "Dense") {
    throw new TwotempError(
      "transfer/head",
      `${model.name} has ${model.outputs[0].shape.at(-1)} outputs and ends in ${head.getClassName()}: only a Dense head can be rebuilt for ${classes} classes`,
    );
  }
  const own = tf.layers.dense({ ...head.getConfig(), units: classes });
  let output = own.apply(head.input as tf.SymbolicTensor) as tf.SymbolicTensor;
  for (const layer of tail) output = sameClass(layer, layer.getConfig()).apply(output) as tf.SymbolicTensor;
  return searchSpace(tf.model({ inputs: model.inputs, outputs: output, name: model.name }), { gates });
}

/**
 * The same architecture in a space whose head differs. Groups of gates keep their masks; where a group's size changed
 * with the head (weight gates of the head itself), the new head is open.
 */
export function inSpace(architecture: Architecture, space: SearchSpace): Architecture {
  if (architecture.space === space) return architecture;
  const mask = new Uint8Array(space.gateCount).fill(1);
  space.groups.forEach(({ offset, size }, g) => {
    const own = architecture.groups[g];
    if (own.size === size) mask.set(architecture.mask.subarray(own.offset, own.offset + size), offset);
  });
  return space.architecture(mask, architecture.provenance);
}
