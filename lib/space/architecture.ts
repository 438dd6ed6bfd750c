import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { TwotempError } from "../errors.js";
import type { Address } from "../engine/index.js";
import { compact, type CompactOptions, origins } from "./compact.js";
import { forward, gateSlots } from "./forward.js";
import { asTensors } from "./initialise.js";
import { Liveness, type Counts } from "./liveness.js";
import { describeNetwork, type NetworkNode } from "./network.js";
import type { SearchSpace } from "./space.js";
import type { GateGroup } from "./types.js";

/** Where an architecture comes from: plain data that JSON can hold. */
export type Provenance = Readonly<Record<string, unknown>>;

const groupSchema = z.object({
  name: z.string(),
  kind: z.enum(["input", "weight", "unit", "block", "op"]),
  offset: z.int().min(0),
  size: z.int().min(1),
  shape: z.array(z.int().min(1)),
  layers: z.array(z.string()),
});

const layerSchema = z.object({
  name: z.string(),
  className: z.string(),
  outputShapes: z.array(z.array(z.int())),
  weightShapes: z.array(z.array(z.int())),
});

const countsSchema = z.object({ parameters: z.number(), multiplyAdds: z.number(), activationBytes: z.number() });

/** The JSON form of an architecture, version 1. */
export interface ArchitectureJson {
  readonly format: "twotemp-architecture";
  readonly version: 1;
  /** The model that it is a part of: every layer call in order. */
  readonly model: {
    readonly name: string;
    readonly inputShapes: number[][];
    readonly layers: {
      readonly name: string;
      readonly className: string;
      readonly outputShapes: number[][];
      readonly weightShapes: number[][];
    }[];
  };
  readonly groups: (Omit<GateGroup, "shape" | "layers"> & { readonly shape: number[]; readonly layers: string[] })[];
  readonly gateCount: number;
  /** One bit a gate, base64; gate i is bit i % 8 (lowest first) of byte i / 8. */
  readonly mask: string;
  readonly density: number;
  readonly counts: Counts;
  readonly fullCounts: Counts;
  readonly provenance: Provenance;
  /** SHA-256 of the model's shapes, the groups and the mask; names and provenance don't enter. */
  readonly hash: string;
}

/** Checks {@link ArchitectureJson}; `z.toJSONSchema` of it is the published schema. */
export const architectureSchema: z.ZodType<ArchitectureJson> = z.object({
  format: z.literal("twotemp-architecture"),
  version: z.literal(1),
  model: z.object({ name: z.string(), inputShapes: z.array(z.array(z.int())), layers: z.array(layerSchema) }),
  groups: z.array(groupSchema),
  gateCount: z.int().min(0),
  mask: z.base64(),
  density: z.number(),
  counts: countsSchema,
  fullCounts: countsSchema,
  provenance: z.record(z.string(), z.unknown()),
  hash: z.string(),
});

/**
 * A sub-network of a model: which gates are open. Independent of any weights.
 *
 * @throws TwotempError `space/mask` if the mask hasn't one entry a gate; `space/disconnected` if it cuts the network
 */
export class Architecture {
  /** The fraction of the gates that is open. */
  readonly density: number;
  /** The exact cost of the compacted network. */
  readonly counts: Counts;
  readonly hash: string;
  private readonly alive: Liveness;

  constructor(
    readonly space: SearchSpace,
    /** 1 for open, [gateCount]. */
    readonly mask: Uint8Array,
    readonly provenance: Provenance = {},
  ) {
    this.alive = space.liveness(mask);
    const { cuts } = this.alive;
    if (cuts.length > 0) {
      const { message } = cuts.find(({ blocked }) => blocked) ?? cuts[0];
      throw new TwotempError(
        "space/disconnected",
        `the architecture is cut: ${message}; keep more gates, or let within() mend it`,
      );
    }
    this.density = mask.reduce((sum, gate) => sum + gate, 0) / Math.max(1, mask.length);
    this.counts = this.alive.count();
    this.hash = contentHash(this.describe(), space.groups, mask);
  }

  get groups(): readonly GateGroup[] {
    return this.space.groups;
  }

  /** The gates of one group, by its name. */
  group(name: string): Uint8Array {
    const group = this.groups.find((candidate) => candidate.name === name);
    if (!group) {
      const names = this.groups.map((candidate) => candidate.name).join(", ");
      throw new TwotempError("space/group", `there is no group ${JSON.stringify(name)}: groups are ${names}`);
    }
    return this.mask.slice(group.offset, group.offset + group.size);
  }

  /** For each weight of the plan, which entries the compacted network has: 1 where it does. */
  keep(): Uint8Array[] {
    return this.space.plan.weights.map((_, w) => this.alive.keep(w));
  }

  /**
   * Fresh weights for retraining: drawn by each layer's own initialiser, zero where the architecture has none, kernels
   * divided by the square root of the open fraction of their fan-in, so that no factor is needed afterwards.
   *
   * @param address - where the draws live, for example `(seed, "retraining")`
   * @returns one array a weight of the plan, in the full model's shapes; {@link compact} takes them as they are
   */
  initialise(...address: Address): Float32Array[] {
    const drawn = this.space.drawWeights(address);
    const factors = this.varianceFactors();
    return this.keep().map((keep, w) => drawn[w].map((value, i) => (keep[i] ? value * factors[w] : 0)));
  }

  /** By what each weight is to be multiplied so that gated layers keep the variance of their outputs. */
  varianceFactors(): Float64Array {
    const { plan, gating } = this.space;
    const factors = new Float64Array(plan.weights.length).fill(1);
    const scaled = new Set<number>();
    for (const { call, index, gateOf, offset, size, scaled: scales } of gateSlots(plan)) {
      if (!scales) continue;
      let open = 0;
      for (let i = 0; i < size; i++) {
        const gate = gateOf ? gateOf[i] : offset + i;
        open += gate < 0 ? 1 : this.mask[gate];
      }
      const factor = 1 / Math.sqrt(Math.max(open, 1) / size);
      if (call === undefined) factors[index] *= factor;
      else {
        const wired = gating.anatomy.calls[call];
        const kernel = wired.links.find((link) => link.kernel)?.kernel;
        const w = kernel && wired.weights[kernel.weight];
        // A shared layer has one kernel: the first of its calls counts.
        if (w === undefined || scaled.has(w)) continue;
        scaled.add(w);
        factors[w] *= factor;
      }
    }
    return factors;
  }

  /**
   * What the masked network makes of a batch, at the full model's size: {@link compact} gives a smaller model that makes
   * the same. Weights count only where {@link keep} is 1.
   *
   * @param weights - one array a weight of the plan in the full shapes
   * @param inputs - one batch a model input, [batch, ...inputShape]
   * @returns the model's outputs
   */
  predict(weights: readonly Float32Array[], ...inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const { plan } = this.space;
    // A unit whose inputs are all closed would be left with its bias.
    const kept = this.keep().map((keep, w) => weights[w].map((value, i) => (keep[i] ? value : 0)));
    return tf.tidy(() =>
      forward(plan, asTensors(plan.weights, kept), tf.tensor1d(Float32Array.from(this.mask)), inputs, {
        scaleByOpenFraction: false,
      }),
    );
  }

  /**
   * The sub-network as a plain, smaller model without masks. Natively, its convolutions and dense layers of which at most 5 % of the
   * weights are left compute and train with these alone.
   *
   * @param weights - one array a weight of the plan in the full shapes; default what the space's model holds
   * @param options - `inputs: "kept"` makes a model that reads only the inputs that are left
   */
  compact(
    weights: readonly Float32Array[] = this.space.currentWeights(),
    options: CompactOptions = {},
  ): tf.LayersModel {
    return compact(this.space, this.alive, weights, options);
  }

  /**
   * Where the compacted model's weights come from: by their names there (`dense_1/kernel`, with `_` for `/` in paths),
   * the weight of the plan and the row-major position in it of each entry.
   */
  origins(): Map<string, { readonly weight: number; readonly entries: Int32Array }> {
    return origins(this.space, this.alive);
  }

  /** The layers as they read one another, with what is left of each: what `tt.figures.network` draws. */
  network(): NetworkNode[] {
    return describeNetwork(this.alive);
  }

  private describe(): ArchitectureJson["model"] {
    return describeModel(this.space);
  }

  toJSON(): ArchitectureJson {
    return {
      format: "twotemp-architecture",
      version: 1,
      model: this.describe(),
      groups: this.groups.map((group) => ({ ...group, shape: [...group.shape], layers: [...group.layers] })),
      gateCount: this.mask.length,
      mask: packBits(this.mask),
      density: this.density,
      counts: this.counts,
      fullCounts: this.space.full,
      provenance: this.provenance,
      hash: this.hash,
    };
  }

  /**
   * Reads an architecture for a space of the same model and gates.
   *
   * @param json - what {@link toJSON} gave, parsed or as text
   * @throws TwotempError `space/json` if it isn't an architecture or is damaged; `space/fit` if it belongs to another
   *   model or other gates, saying where they differ
   */
  static fromJSON(json: unknown, space: SearchSpace): Architecture {
    const parsed = architectureSchema.safeParse(typeof json === "string" ? parseText(json) : json);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const place = issue.path.length > 0 ? ` at ${issue.path.join(".")}` : "";
      throw new TwotempError("space/json", `not an architecture of version 1${place}: ${issue.message}`);
    }
    const data = parsed.data;
    requireFit(data, space);
    const mask = unpackBits(data.mask, data.gateCount);
    const architecture = new Architecture(space, mask, data.provenance);
    if (architecture.hash !== data.hash) {
      throw new TwotempError(
        "space/json",
        `the hash is ${data.hash}, the content's is ${architecture.hash}: the file was changed`,
      );
    }
    return architecture;
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TwotempError("space/json", `not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function describeModel({ model, gating: { anatomy } }: SearchSpace): ArchitectureJson["model"] {
  const { graph } = anatomy;
  return {
    name: model.name,
    inputShapes: graph.inputs.map((value) => [...graph.values[value].shape]),
    layers: graph.calls.map(({ layer, path, outputs }) => ({
      name: path,
      className: layer.getClassName(),
      outputShapes: outputs.map((value) => [...graph.values[value].shape]),
      weightShapes: layer.weights.map((weight) => [...(weight.shape as number[])]),
    })),
  };
}

/** Layer names are left out: they may differ between two builds of one model. */
function contentHash(model: ArchitectureJson["model"], groups: readonly GateGroup[], mask: Uint8Array): string {
  const content = {
    inputs: model.inputShapes,
    layers: model.layers.map(({ className, outputShapes, weightShapes }) => [className, outputShapes, weightShapes]),
    groups: groups.map(({ kind, offset, shape }) => [kind, offset, shape]),
    mask: packBits(mask),
  };
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

function requireFit(data: ArchitectureJson, space: SearchSpace): void {
  const refuse = (where: string, theirs: unknown, ours: unknown): never => {
    const [a, b] = [theirs, ours].map((side) => JSON.stringify(side));
    throw new TwotempError("space/fit", `the architecture doesn't fit the model: ${where} is ${a} there, ${b} here`);
  };
  const same = (where: string, theirs: unknown, ours: unknown): void => {
    if (JSON.stringify(theirs) !== JSON.stringify(ours)) refuse(where, theirs, ours);
  };
  const model = describeModel(space);
  same("the input shape", data.model.inputShapes, model.inputShapes);
  data.model.layers.forEach((theirs, i) => {
    const ours = model.layers[i];
    const at = `layer ${i} (${theirs.name})`;
    same(`the class of ${at}`, theirs.className, ours?.className);
    same(`the output shape of ${at}`, theirs.outputShapes, ours.outputShapes);
    same(`the weight shapes of ${at}`, theirs.weightShapes, ours.weightShapes);
  });
  same("the number of layers", data.model.layers.length, model.layers.length);
  data.groups.forEach((theirs, i) => {
    const ours = space.groups[i];
    same(`the kind of gate group ${theirs.name}`, theirs.kind, ours?.kind);
    same(`the shape of gate group ${theirs.name}`, theirs.shape, ours.shape);
    same(`the offset of gate group ${theirs.name}`, theirs.offset, ours.offset);
  });
  same("the number of gates", data.gateCount, space.gateCount);
}

function packBits(mask: Uint8Array): string {
  const bytes = Buffer.alloc(Math.ceil(mask.length / 8));
  mask.forEach((gate, i) => (bytes[i >> 3] |= gate << (i & 7)));
  return bytes.toString("base64");
}

export function unpackBits(text: string, count: number): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== Math.ceil(count / 8)) {
    throw new TwotempError(
      "space/json",
      `the mask has ${bytes.length} bytes, ${count} gates need ${Math.ceil(count / 8)}`,
    );
  }
  return Uint8Array.from({ length: count }, (_, i) => (bytes[i >> 3] >> (i & 7)) & 1);
}
