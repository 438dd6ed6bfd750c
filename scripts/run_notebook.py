"""Executes a notebook in the project's kernel, headless.

    .venv/bin/python scripts/run_notebook.py NOTEBOOK [--output FILE] [--limit SECONDS]

Fails on any error, on any line that the notebook writes on stderr, and on a promise that is rejected after its cell has
ended. The executed notebook is written whole, also after a failure. A cell tagged `limit-600` may take 600 seconds.
"""

import argparse
import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

# Until a cell runs there is nothing to keep: Ctrl-C just ends the program.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import nbformat  # noqa: E402
from jupyter_client.kernelspec import NoSuchKernel  # noqa: E402
from nbclient import NotebookClient  # noqa: E402
from nbclient.exceptions import (  # noqa: E402
    CellExecutionComplete,
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)

# tslab reports a rejected promise that nobody handled after it has said that the cell is done.
LATE_SECONDS = 0.5
WAITING_CELL = f"await new Promise((resolve) => setTimeout(resolve, {LATE_SECONDS * 1000}));"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Progress:
    """One line a cell; what the running cell tells is redrawn below it on a terminal, else printed every 10 s."""

    def __init__(self, cells):
        self.cells = cells
        self.done = 0
        self.terminal = sys.stdout.isatty()
        self.last = 0.0

    def start(self, cell):
        self.started = self.last = time.monotonic()
        words = (line.strip("/ ") for line in cell.source.splitlines())
        title = next((line for line in words if line), "")
        self.title = f"cell {self.done + 1}/{self.cells}: {title[:70]}"
        if self.terminal:
            self.draw(self.title)

    def tell(self, text):
        now = time.monotonic()
        lines = [line for line in COLOURS.sub("", text).replace("\r", "\n").splitlines() if line.strip()]
        if not lines or now - self.last < (0.1 if self.terminal else 10):
            return
        self.last = now
        if self.terminal:
            self.draw(f"  {lines[-1]}")
        else:
            print(f"  {lines[-1]}", flush=True)

    def end(self, mark):
        self.done += 1
        line = f"{self.title}  {mark}{time.monotonic() - self.started:.1f} s"
        print(f"\r\x1b[K{line}" if self.terminal else line, flush=True)

    def draw(self, line):
        width = os.get_terminal_size().columns - 1
        print(f"\r\x1b[K{line[:width]}", end="", flush=True)


class WatchfulClient(NotebookClient):
    """Reads every message on iopub, also one that belongs to a cell which has ended."""

    def __init__(self, notebook, progress, **options):
        super().__init__(notebook, **options)
        self.progress = progress
        self.complaints = []
        self.cells_by_message = {}
        self.interrupted = False
        self.on_notebook_start = self.end_on_signals

    def end_on_signals(self, notebook):
        """Replaces nbclient's handlers, which end the kernel under the running cell's feet."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def interrupt():
            self.interrupted = True
            task.cancel()

        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, interrupt)

    async def _async_poll_output_msg(self, parent_msg_id, cell, cell_index):
        self.cells_by_message[parent_msg_id] = (cell, cell_index)
        while True:
            message = await self.kc.iopub_channel.get_msg(timeout=None)
            parent = message["parent_header"].get("msg_id")
            if parent not in self.cells_by_message:
                continue
            owner, owner_index = self.cells_by_message[parent]
            try:
                self.process_message(message, owner, owner_index)
            except CellExecutionComplete:
                if parent == parent_msg_id:
                    return

    def process_message(self, msg, cell, cell_index):
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream" and content["name"] == "stderr":
            self.complaints.append((cell_index, content["text"]))
        elif kind == "stream":
            self.progress.tell(content["text"])
        elif kind == "error":
            self.complaints.append((cell_index, "\n".join(content["traceback"]) or content["evalue"]))
        elif kind in ("display_data", "update_display_data"):
            text = content["data"].get("text/plain", "")
            if "\n" not in text.strip():
                self.progress.tell(text)
        return super().process_message(msg, cell, cell_index)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--output", type=Path, help="where the executed notebook goes (default: back into NOTEBOOK)")
    parser.add_argument("--limit", type=int, default=1800, help="seconds that a cell may take (default: 1800)")
    options = parser.parse_args()
    output = options.output or options.notebook

    notebook = nbformat.read(options.notebook, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    progress = Progress(len(code))
    with tempfile.TemporaryFile("w+") as kernel_log:
        failure = execute(notebook, options, progress, kernel_log)
        kernel_log.seek(0)
        kernel_lines = kernel_log.read().strip()
    write_whole(notebook, output)
    if kernel_lines:
        failure = f"{failure or 'the kernel wrote on stderr'}\n{kernel_lines[-2000:]}"
    if failure:
        print(f"{options.notebook.name} failed: {failure}", file=sys.stderr)
        print(f"executed up to there: {output}", file=sys.stderr)
    return 1 if failure else 0


def execute(notebook, options, progress, kernel_log):
    """Runs every cell; returns why the notebook failed, or None."""
    waiting = nbformat.v4.new_code_cell(WAITING_CELL)
    notebook.cells.append(waiting)

    def limit(cell):
        tags = (re.fullmatch(r"limit-(\d+)", tag) for tag in cell.metadata.get("tags", []))
        return next((int(tag[1]) for tag in tags if tag), options.limit)

    def started(cell, cell_index):
        if cell is not waiting:
            progress.start(cell)

    def executed(cell, cell_index, execute_reply):
        if cell is not waiting:
            progress.end("" if execute_reply["content"]["status"] == "ok" else "failed after ")

    client = WatchfulClient(
        notebook,
        progress,
        kernel_name="twotemp",
        # A busy machine takes its time.
        startup_timeout=300,
        timeout_func=limit,
        resources={"metadata": {"path": str(options.notebook.resolve().parent)}},
        record_timing=False,
        on_cell_execute=started,
        on_cell_executed=executed,
    )
    failure = None
    try:
        client.execute(stderr=kernel_log)
    except CellTimeoutError as error:
        progress.end("stopped after ")
        failure = str(error).splitlines()[0]
    except CellExecutionError:
        # tslab has told the reason on stderr, which is among the complaints.
        failure = f"cell {progress.done} raised an error"
    except (DeadKernelError, NoSuchKernel, RuntimeError) as error:
        failure = "interrupted" if client.interrupted else str(error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        failure = "interrupted"
    notebook.cells.remove(waiting)
    if waiting.outputs:
        last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
        last.outputs.extend(waiting.outputs)
    if client.complaints and not failure:
        failure = "it wrote on stderr"
    told = "".join(text for _, text in client.complaints).strip()
    return f"{failure}\n{COLOURS.sub('', told)}" if told else failure


def write_whole(notebook, output):
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f"{output.name}.{os.getpid()}.partial")
    nbformat.write(notebook, partial)
    partial.replace(output)


if __name__ == "__main__":
    sys.exit(main())
