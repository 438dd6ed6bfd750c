import js from "@eslint/js";
import globals from "globals";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "build/", "node_modules/", ".venv/", "datasets/", "runs/", "notebooks/", "figures/"] },
  js.configs.recommended,
  { files: ["**/*.ts"], extends: [tseslint.configs.recommended] },
  { files: ["scripts/**", "jupyter/**", "*.mjs"], languageOptions: { globals: globals.node, sourceType: "commonjs" } },
  { files: ["**/*.mjs"], languageOptions: { sourceType: "module" } },
  {
    rules: {
      eqeqeq: "error",
      // Every draw goes through the keyed generator of lib/engine/random.ts.
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "use keyed draws: new Random(seed, purpose, ...)" },
      ],
    },
  },
);
