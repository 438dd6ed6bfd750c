import { before, describe } from "node:test";
import { ready } from "../../lib/engine/index.js";
import { lengthy, testLayer } from "./layerModels.js";

describe("the table of layer classes", () => {
  before(() => ready());

  for (const className of lengthy) testLayer(className);
});
