import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { launchBrowser } from "../../lib/plot/browser.js";
import { root } from "../scripts/support.js";
import { freePort } from "../support.js";

/** The project's JupyterLab with a browser in front of it. */
export interface Lab {
  readonly page: Page;
  /** Opens a notebook, given from the repository's root. */
  open(notebook: string): Promise<void>;
  /** A menu's item. */
  choose(menu: string, item: string): Promise<void>;
  /** The figures of the open notebook. */
  figures(): Locator;
  close(): Promise<void>;
}

function startServer(port: number): ChildProcess {
  const options = [
    "--no-browser",
    "--allow-root",
    `--port=${port}`,
    `--ServerApp.root_dir=${root}`,
    "--IdentityProvider.token=",
    "--LabApp.expose_app_in_browser=True",
    "--ServerApp.disable_check_xsrf=True",
  ];
  const env = { ...process.env, JUPYTER_CONFIG_PATH: join(root, "jupyter", "config") };
  return spawn(join(root, ".venv/bin/python"), ["-m", "jupyterlab", ...options], { env, stdio: "ignore" });
}

/** In the browser: whether the open notebook's kernel is connected and has said what it is. */
const kernelReady = `(() => {
  const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
  if (!kernel || kernel.connectionStatus !== "connected") return false;
  return kernel.info.then(() => kernel.connectionStatus === "connected" && kernel.status === "idle");
})()`;

/** Starts JupyterLab from .venv and a headless browser; both end with `close`. */
export async function startLab(): Promise<Lab> {
  const port = await freePort();
  const server = startServer(port);
  const gone = once(server, "exit");
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    server.kill("SIGTERM");
    await gone;
  };
  try {
    const address = `http://127.0.0.1:${port}`;
    await waitFor(`${address}/api/status`, server);
    browser = await launchBrowser();
    const page = await browser.newPage({ viewport: { width: 1300, height: 1600 } });
    page.setDefaultTimeout(90_000);
    return {
      page,
      async open(notebook) {
        // A workspace of its own: nothing of an earlier visit is restored.
        const workspace = `${port}-${Date.now()}`;
        await page.goto(`${address}/lab/workspaces/${workspace}/tree/${notebook}`);
        await page.locator(".jp-Notebook .jp-CodeCell").first().waitFor();
        // What is run before the kernel has answered may get lost.
        await page.waitForFunction(kernelReady);
      },
      async choose(menu, item) {
        await page.locator(".lm-MenuBar-item", { hasText: menu }).click();
        await page.locator(".lm-Menu-item", { hasText: item }).first().click();
      },
      figures: () => page.locator(".twotemp-figure"),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function waitFor(address: string, server: ChildProcess): Promise<void> {
  const started = performance.now();
  for (;;) {
    const up = await fetch(address).then(
      (reply) => reply.ok,
      () => false,
    );
    if (up) return;
    if (server.exitCode !== null) throw new Error(`JupyterLab ended with ${server.exitCode}`);
    if (performance.now() - started > 90_000) throw new Error("JupyterLab doesn't answer within 90 s");
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
