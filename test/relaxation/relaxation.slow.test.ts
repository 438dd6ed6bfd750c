import { before, describe, test } from "node:test";
import { ready } from "../../lib/engine/index.js";
import { ReferenceRelaxation } from "../../lib/relaxation/referenceRelaxation.js";
import { TensorRelaxation } from "../../lib/relaxation/tensorRelaxation.js";
import { checkGoesOn, checkLeaks, everyday, pairs, testAgreement } from "./driving.js";

before(() => ready());

describe("float64 and tensors", () => {
  for (const pair of pairs.filter((pair) => !everyday.includes(pair))) testAgreement(pair);
});

describe("a relaxation, with every estimator and update", () => {
  for (const Kind of [ReferenceRelaxation, TensorRelaxation]) {
    test(`${Kind.name} goes on exactly from a saved state`, () => pairs.forEach((pair) => checkGoesOn(Kind, pair)));

    test(`${Kind.name} leaks no tensor`, () => checkLeaks(Kind, pairs));
  }
});
