import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freePort, needs } from "../support.js";
import { kernelInstalled, root, temporaryFolder } from "./support.js";

const present = needs("the Jupyter kernel", kernelInstalled, "npm run setup");

test(
  "npm run lab serves the project's kernel and renderer only, leaves the home alone, ends with Ctrl-C",
  present,
  async () => {
    const home = temporaryFolder("home");
    // A kernel of the user's own: neither offered nor touched.
    const kernels = join(home, ".local/share/jupyter/kernels");
    mkdirSync(join(kernels, "mine"), { recursive: true });
    const mine = { argv: ["/bin/false"], display_name: "Mine", language: "python" };
    writeFileSync(join(kernels, "mine/kernel.json"), JSON.stringify(mine));

    const port = await freePort();
    const args = ["scripts/lab.js", "--no-browser", `--port=${port}`, "--IdentityProvider.token=secret"];
    const lab = spawn(process.execPath, args, { cwd: root, env: { ...process.env, HOME: home }, detached: true });
    let output = "";
    for (const stream of [lab.stdout, lab.stderr]) stream.on("data", (data: Buffer) => (output += String(data)));
    const ended = once(lab, "exit");
    const get = (page: string): Promise<Response> => fetch(`http://127.0.0.1:${port}/${page}?token=secret`);
    try {
      for (
        let tries = 0;
        !(await get("api/status").then(
          (reply) => reply.ok,
          () => false,
        ));
        tries++
      ) {
        assert.ok(tries < 240 && lab.exitCode === null, `JupyterLab doesn't answer:\n${output}`);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      const offered = (await (await get("api/kernelspecs")).json()) as { default: string; kernelspecs: object };
      assert.equal(offered.default, "twotemp");
      assert.deepEqual(Object.keys(offered.kernelspecs), ["twotemp"]);
      assert.match(await (await get("lab")).text(), /"name": "twotemp-figures"/);
      assert.match(await (await get("lab/extensions/twotemp-figures/static/plotly.js")).text(), /plotly\.js v\d/);
    } finally {
      // As a terminal does it: to every program of the foreground.
      for (let tries = 0; tries < 2 && lab.exitCode === null && lab.signalCode === null; tries++) {
        process.kill(-lab.pid!, "SIGINT");
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
    await ended;
    assert.deepEqual(readdirSync(home), [".local"]);
    assert.deepEqual(readdirSync(join(home, ".local/share/jupyter")), ["kernels"]);
    assert.deepEqual(readdirSync(kernels), ["mine"]);
  },
);
