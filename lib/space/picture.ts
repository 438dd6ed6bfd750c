import type { GateGroup } from "./types.js";

/** Height and width of a group that lies on a picture: the pixels of an input, with any number of channels. */
export function pictureSize(group: Pick<GateGroup, "kind" | "size" | "shape">): readonly [number, number] | undefined {
  const [height, width, channels = 1] = group.shape;
  if (group.kind !== "input" || group.shape.length < 2 || group.shape.length > 3) return undefined;
  return height * width * channels === group.size ? [height, width] : undefined;
}
