"""Asks the project's kernel, as a notebook would, and prints what it answers as JSON.

    .venv/bin/python test/jupyter/ask_kernel.py < questions.json

A question is {"run": code}, {"complete": code} or {"inspect": code}; the cursor is at the end of the code.
"""

import json
import sys
import time

from jupyter_client.manager import start_new_kernel

SECONDS = 90


def answer(client, question):
    [(kind, code)] = question.items()
    if kind == "run":
        told = []

        def hear(message):
            if message["msg_type"] == "stream":
                told.append(message["content"]["text"])

        reply = client.execute_interactive(code, timeout=SECONDS, output_hook=hear)
        if reply["content"]["status"] == "error":
            time.sleep(0.5)  # tslab aborts what comes within 200 ms of an error
        return {"status": reply["content"]["status"], "text": "".join(told)}
    ask = client.complete if kind == "complete" else client.inspect
    return ask(code, cursor_pos=len(code), reply=True, timeout=SECONDS)["content"]


manager, client = start_new_kernel(kernel_name="twotemp", startup_timeout=SECONDS)
try:
    print(json.dumps([answer(client, question) for question in json.load(sys.stdin)]))
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
