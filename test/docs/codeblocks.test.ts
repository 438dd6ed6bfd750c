import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../scripts/support.js";
import { anchors, codeBlocks, documents, internalLinks, notebooks } from "./documents.js";

describe("documentation", () => {
  test("every block names its language", () => {
    for (const document of documents()) {
      const fences = document.text.match(/^```/gm)?.length ?? 0;
      assert.equal(fences, 2 * codeBlocks(document).length, `${document.path}: a block without a language`);
    }
  });

  test("every command that it names exists", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    const program = join(root, "scripts", "twotemp.js");
    const help = spawnSync(process.execPath, [program, "--help"], { encoding: "utf8" }).stdout;
    const commands = [...help.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name);
    assert.ok(commands.includes("doctor"), help);
    let seen = 0;
    for (const { path, text } of [...documents(), ...notebooks()]) {
      for (const [, name] of text.matchAll(/npm run ([\w:-]+)/g)) {
        assert.ok(Object.hasOwn(scripts, name), `${path}: package.json has no script "${name}"`);
        seen++;
      }
      for (const [, name] of text.matchAll(/npx twotemp ([\w-]+)/g)) {
        assert.ok(commands.includes(name), `${path}: there is no command "twotemp ${name}"`);
        seen++;
      }
    }
    assert.ok(seen > 2);
  });

  test("every link into the repository leads somewhere", () => {
    const broken: string[] = [];
    let seen = 0;
    for (const document of [...documents(), ...notebooks()]) {
      for (const link of internalLinks(document)) {
        const [path, anchor] = decodeURIComponent(link).split("#");
        const target = path === "" ? document.path : join(dirname(document.path), path);
        seen++;
        if (!existsSync(join(root, target))) broken.push(`${document.path}: ${link}`);
        else if (anchor !== undefined) {
          const text = path === "" ? document.text : readFileSync(join(root, target), "utf8");
          if (!anchors({ path: target, text }).includes(anchor)) broken.push(`${document.path}: ${link}`);
        }
      }
    }
    assert.ok(seen > 5);
    assert.deepEqual(broken, []);
  });
});
