import * as tt from "../../lib/index.js";
import type { Runner, Workload } from "./workload.js";

/** 100 small models (20 architectures of 12 of 64 inputs, 5 draws each), 5 shots of 5 classes, 100 steps. */
function open(together: boolean): Runner {
  const space = tt.searchSpace(tt.mlp({ inputShape: [64], hidden: [64, 32], classes: 5 }), { gates: "input" });
  const random = new tt.Random(0, "bench few-shot");
  const labelled = (count: number): tt.FewShotTask["support"] => ({
    values: random.uniforms(count * 64),
    labels: Int32Array.from({ length: count }, (_, row) => row % 5),
    count,
  });
  const queries = labelled(500);
  const jobs = Array.from({ length: 20 }, (_, a) => {
    const architecture = space.keepLargest(random.uniforms(64), 12 / 64);
    return Array.from({ length: 5 }, (_, draw) => ({
      architecture,
      task: { classCount: 5, support: labelled(25), queries },
      draw: [a, draw],
    }));
  }).flat();
  const options = { learningRate: 0.003, steps: 100 };
  return {
    run: async (iterations) => {
      for (let i = 0; i < iterations; i++) {
        if (together) await tt.retrain(space, jobs, options);
        else for (const job of jobs) await tt.retrain(space, [job], options);
      }
    },
    dispose: () => undefined,
  };
}

export const fewShot: Workload = {
  short: "few-shot retraining",
  title: "few-shot retraining of 100 MLPs 12-64-32-5, 100 steps",
  phases: { together: () => open(true), "one by one": () => open(false) },
};
