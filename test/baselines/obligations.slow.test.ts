import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  baselines,
  type Dataset,
  invarianceStages,
  operationNetwork,
  searchSpace,
  TrainedModels,
} from "../../lib/index.js";
import { lengthy, openDigits, testObligations, total } from "./obligations.js";

let source: Dataset;

before(async () => {
  source = await openDigits();
});

testObligations(() => source, ["input", "weight", "coupled unit", "op", "block"]);
testObligations(() => source, ["unit"], lengthy);

test("networks designed by hand take one operation of each stage of the invariance space", async () => {
  const model = operationNetwork({ inputShape: [8, 8, 1], stages: invarianceStages(), classes: 5 });
  const space = searchSpace(model, { gates: "op" });
  const trained = new TrainedModels(space, source, { steps: 1, batch: 16, stepSize: 0.003, seed: 0 });
  const context = { space, source, learned: [], randomCount: 1, seed: 0, trained };
  for (const name of ["lenet", "scattering"]) {
    assert.equal(baselines[name].refuses(space, []), undefined);
    const [{ architecture }] = await baselines[name].candidates(context);
    for (const group of space.groups) assert.equal(total(architecture.group(group.name)), 1, `${name}: ${group.name}`);
  }
});
