import { alignedText } from "../table.js";
import type { Counts } from "./liveness.js";
import type { SearchSpace } from "./space.js";
import type { GateKind } from "./types.js";
import type { Ungated } from "./gating.js";

/** One group of gates in a summary. */
export interface GroupSummary {
  readonly group: string;
  readonly kind: GateKind;
  readonly gates: number;
  readonly layers: readonly string[];
  /** Parameters and multiply-adds that go when one gate of the group closes: the mean over the group. */
  readonly parametersPerGate: number;
  readonly multiplyAddsPerGate: number;
}

/** What {@link SearchSpace.summary} tells. */
export interface SpaceSummary {
  readonly gateCount: number;
  readonly full: Counts;
  readonly groups: readonly GroupSummary[];
  readonly ungated: readonly Ungated[];
  toString(): string;
}

export function summarise(space: SearchSpace): SpaceSummary {
  const parameters = space.gateSavings("parameters");
  const multiplyAdds = space.gateSavings("multiplyAdds");
  const groups = space.groups.map(({ name, kind, offset, size, layers }): GroupSummary => {
    const mean = (costs: Float64Array): number =>
      costs.subarray(offset, offset + size).reduce((sum, cost) => sum + cost, 0) / size;
    return {
      group: name,
      kind,
      gates: size,
      layers,
      parametersPerGate: mean(parameters),
      multiplyAddsPerGate: mean(multiplyAdds),
    };
  });
  const summary = { gateCount: space.gateCount, full: space.full, groups, ungated: space.ungated };
  return { ...summary, toString: () => print(summary) };
}

function print({ gateCount, full, groups, ungated }: Omit<SpaceSummary, "toString">): string {
  const rounded = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 1 });
  const gated = alignedText([
    ["gates", "kind", "number", "parameters each", "multiply-adds each"],
    ...groups.map((group) => [
      group.group,
      group.kind,
      rounded(group.gates),
      rounded(group.parametersPerGate),
      rounded(group.multiplyAddsPerGate),
    ]),
  ]);
  const without = alignedText([
    ["without gates", "class", "why"],
    ...ungated.map(({ layer, className, reason }) => [layer, className, reason]),
  ]);
  const head = `${rounded(gateCount)} gates; ${rounded(full.parameters)} parameters, ${rounded(full.multiplyAdds)} multiply-adds`;
  return [head, "", gated, "", without].join("\n");
}
