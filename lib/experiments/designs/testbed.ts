import { z } from "zod";
import { defineDesign, type PlannedTask } from "../experiment.js";
import { makeTask } from "../task.js";
import { seedList, some } from "./schemas.js";

const settingsSchema = z.strictObject({
  updates: some(z.enum(["euler", "mirror", "adaptive"])),
  temperatures: some(z.strictObject({ cold: z.number().positive(), hot: z.number().positive() })),
  gateCount: z.number().int().min(1).max(20).default(12),
  batch: z.number().int().positive().optional(),
  steps: z.number().int().positive().max(1e6).default(200),
  seeds: seedList,
});

/** The exactly solvable testbed under several updates and temperatures: needs no data and no engine. */
defineDesign({
  name: "testbed",
  settings: settingsSchema,
  count: ({ updates, temperatures, seeds }) => updates.length * temperatures.length * seeds.length,
  expand: ({ updates, temperatures, gateCount, batch, steps, seeds }): PlannedTask[] =>
    updates.flatMap((update) =>
      temperatures.flatMap(({ cold, hot }) =>
        seeds.map((seed) => ({
          labels: { update, cold, hot },
          task: makeTask("testbed", {
            seed,
            gateCount,
            update,
            batch,
            steps,
            coldTemperature: cold,
            hotTemperature: hot,
          }),
        })),
      ),
    ),
});
