import { before } from "node:test";
import type { Dataset } from "../../lib/index.js";
import { openDigits, testObligations } from "./obligations.js";

let source: Dataset;

before(async () => {
  source = await openDigits();
});

testObligations(() => source, ["coupled unit", "op", "block"]);
