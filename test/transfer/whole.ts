import { dataset, mlp, ready, searches, searchSpace, transfer } from "../../lib/index.js";

/** A small main job from data to records, as text without times. */
export async function wholeJob(seed: number): Promise<string> {
  await ready();
  const source = (await dataset("digits:0-4")).standardised();
  const target = (await dataset("digits:5-9")).standardised(source);
  const [seen, heldOut] = source.split(0.2, seed);
  const space = searchSpace(mlp({ inputShape: source.inputShape, hidden: [16], classes: 5 }), { gates: "input" });
  const runs = await searches(space, seen, { count: 2, density: 0.2, steps: 60, seed });
  const learned = runs.map((run) => run.architecture());
  const result = await transfer(space, learned, target, {
    source: seen,
    heldOut,
    shots: [5],
    retrainings: 2,
    randomCount: 3,
    steps: 20,
    tuningTasks: 1,
    training: { steps: 50, batch: 32, stepSize: 0.003 },
    seed,
  });
  return JSON.stringify({
    architectures: learned,
    records: result.records,
    tuning: result.tuning,
    traces: runs.map((run) => run.trace),
  });
}

if (require.main === module) {
  void wholeJob(Number(process.argv[2])).then((text) => process.stdout.write(text));
}
