import { adam } from "./adam.js";
import { adaptive } from "./adaptive.js";
import { euler } from "./euler.js";
import { mirror } from "./mirror.js";
import type { Update } from "./update.js";

export type { Update, UpdateSettings, UpdateStep } from "./update.js";

export type UpdateName = "euler" | "mirror" | "adaptive" | "adam";

/** Every way the logits can move, by name. */
export const updates: Readonly<Record<UpdateName, Update>> = { euler, mirror, adaptive, adam };
