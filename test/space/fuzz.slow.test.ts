import { test } from "node:test";
import { Architecture, mlp, searchSpace } from "../../lib/index.js";
import { fuzz } from "../fuzz.js";

test("architecture files: mutated ones are taken or refused in one line", { timeout: 600_000 }, async () => {
  const space = searchSpace(mlp({ inputShape: [12], hidden: [5], classes: 3 }), { gates: "input" });
  const architecture = space.architecture(
    Uint8Array.from({ length: 12 }, (_, i) => i % 2),
    { method: "test" },
  );
  const bytes = Buffer.from(JSON.stringify(architecture.toJSON()));
  await fuzz("architectures", bytes, (input) => void Architecture.fromJSON(input.toString(), space).toJSON());
});
