import type { Budget } from "../space/index.js";
import { percent, whole } from "./numbers.js";

/** A density that is met, and the one asked for where it is another. */
function gatesText(asked: number, kept: number): string {
  const more = percent(asked) === percent(kept) ? "" : ` (${percent(asked)} asked for)`;
  return `${percent(kept)} of the gates${more}`;
}

/** A budget in words, `30,000 parameters and 5 % of the gates, in every group`; with what is kept of it, `29,870 of 30,000 ...`. */
export function budgetText(budget: Budget, kept: Readonly<Partial<Record<string, number>>> = {}): string {
  const { density, parameters, multiplyAdds, pattern, everyGroup } = budget;
  const most = (measure: string, limit: number | undefined, unit: string): string[] => {
    if (limit === undefined) return [];
    const own = kept[measure];
    return [`${own === undefined ? "" : `${whole(own)} of `}${whole(Math.floor(limit))} ${unit}`];
  };
  const parts = [
    ...most("parameters", parameters, "parameters"),
    ...most("multiplyAdds", multiplyAdds, "multiply-adds"),
    ...(density === undefined ? [] : [gatesText(density, kept.density ?? density)]),
    ...(pattern ? [`${pattern.keep} of ${pattern.of} weights`] : []),
  ];
  return `${parts.join(" and ")}${everyGroup ? ", in every group" : ""}`;
}
