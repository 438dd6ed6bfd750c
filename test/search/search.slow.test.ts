import { before, describe, test } from "node:test";
import { dataset, type Dataset, ready } from "../../lib/index.js";
import { findsInputs, testBudget, testNarrowing, testStrategy, testWholeSteps } from "./searches.js";

let source: Dataset;

before(async () => {
  await ready();
  source = (await dataset("digits:0-4")).standardised();
});

describe("a search", () => {
  for (const weights of ["fixed", "resample", "joint", "constant"] as const) testStrategy(() => source, weights);
  testNarrowing(() => source, "fixed");
  testWholeSteps(() => source);

  for (const name of ["multiply-adds in every layer", "a density in every group", "two weights in four"]) {
    testBudget(() => source, name);
  }

  test("finds the inputs that carry the label, and not those that don't", () => findsInputs({ seed: 0, steps: 2000 }));
});
