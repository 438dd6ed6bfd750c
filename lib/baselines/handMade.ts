import { invarianceStages, mlp } from "../models/index.js";
import { type SearchSpace, searchSpace } from "../space/index.js";
import type { Baseline, Candidate } from "./baseline.js";
import { sourceScores } from "./bestRandom.js";

/** One operation for each stage of {@link invarianceStages}, by name. */
type Design = readonly string[];

const stages = invarianceStages();

function isInvarianceSpace(space: SearchSpace): boolean {
  return (
    space.groups.length === stages.length &&
    space.groups.every(
      ({ name, kind, size }, s) => kind === "op" && name === stages[s].name && size === stages[s].operations.length,
    )
  );
}

function maskOf(space: SearchSpace, design: Design): Uint8Array {
  const mask = new Uint8Array(space.gateCount);
  space.groups.forEach(({ offset }, s) => (mask[offset + stages[s].operations.indexOf(design[s])] = 1));
  return mask;
}

const refuses = (space: SearchSpace): string | undefined =>
  isInvarianceSpace(space) ? undefined : "only the space of invariances holds this network";

/** LeNet's plan, with filters of 3 or 5 and either pooling. */
const lenets: readonly Design[] = ["conv3", "conv5"].flatMap((filter) =>
  ["max3", "average3"].map((pooling): Design => {
    return ["identity", filter, "relu", pooling, "identity", filter, "relu", pooling, "identity"];
  }),
);

/** A convolutional network as one would design it by hand: convolution, relu, pooling, twice; the best by the source. */
export const lenetInSpace: Baseline = {
  name: "lenet",
  label: "best LeNet in the space",
  refuses,
  candidates: async (context) => {
    const { space } = context;
    const made = lenets.map((design) => space.architecture(maskOf(space, design), { method: "lenet", design }));
    const scores = sourceScores(context, made);
    return [{ architecture: made[scores.indexOf(Math.min(...scores))] }];
  },
};

/** A scattering network within the space: oriented filters, modulus, averaging, again per channel. */
export const scattering: Baseline = {
  name: "scattering",
  label: "hand-made scattering",
  refuses,
  candidates: async ({ space }): Promise<Candidate[]> => {
    const design = [
      "identity",
      "oriented7",
      "abs",
      "average5",
      "identity",
      "depthwise3",
      "abs",
      "average5",
      "identity",
    ];
    return [{ architecture: space.architecture(maskOf(space, design), { method: "scattering", design }) }];
  },
};

/** No body at all: a linear head on the inputs. */
export const linearInputs: Baseline = {
  name: "linear-inputs",
  label: "head on the inputs alone",
  refuses: () => undefined,
  candidates: async ({ source }): Promise<Candidate[]> => {
    const { inputShape, classCount } = source;
    const model = mlp({ inputShape, hidden: [], classes: classCount });
    const own = searchSpace(model, { gates: () => "none" });
    const architecture = own.architecture(new Uint8Array(own.gateCount), { method: "linear-inputs" });
    return [{ architecture, dispose: () => void model.dispose() }];
  },
};
