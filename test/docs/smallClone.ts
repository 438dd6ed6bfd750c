import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, temporaryFolder } from "../scripts/support.js";

/** A copy of the project with its compiled code, in which `digits` is a minute's work at most. */
export function smallClone(): string {
  const clone = temporaryFolder("documented commands");
  const copied = ["package.json", "scripts", "dist", "lib", "experiments", "jupyter", join("datasets", "digits")];
  for (const name of copied) cpSync(join(root, name), join(clone, name), { recursive: true });
  for (const name of ["node_modules", "build", ".venv"]) {
    if (existsSync(join(root, name))) symlinkSync(join(root, name), join(clone, name));
  }
  const file = join(clone, "experiments", "digits.json");
  const digits = JSON.parse(readFileSync(file, "utf8")) as object;
  const small = {
    shots: [1],
    seeds: { search: 1 },
    variants: [{ name: "short", search: { steps: 50 } }],
    retraining: { retrainings: 1, randomCount: 2, tuningArchitectures: 1 },
  };
  writeFileSync(file, JSON.stringify({ ...digits, ...small }));
  return clone;
}
