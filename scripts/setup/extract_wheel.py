"""Extracts TensorFlow's C library from its wheel: extract_wheel.py library|whole FOLDER WHEEL..."""

import re
import sys
import zipfile

# The shared libraries and the headers that the binding includes; the rest of the wheel, 1 GB, is Python's.
LIBRARY = re.compile(
    r"tensorflow/("
    r"libtensorflow_(cc|framework)\.[^/]*"
    r"|include/tensorflow/c/(eager/|experimental/stream_executor/)?[^/]*\.h"
    r"|include/tensorflow/core/common_runtime/next_pluggable_device/c/[^/]*"
    r"|include/(tensorflow/core|tsl)/platform/(ctstring[^/]*|platform\.h)"
    r"|include/xla/tsl/c/[^/]*"
    r"|include/Eigen/(Core|src/(Core|misc|plugins)/.*)"
    r")"
)

what, folder, *wheels = sys.argv[1:]
for wheel in wheels:
    with zipfile.ZipFile(wheel) as archive:
        if what == "whole":
            archive.extractall(folder)
            continue
        for member in archive.infolist():
            if LIBRARY.fullmatch(member.filename):
                member.filename = member.filename[len("tensorflow/") :]
                archive.extract(member, folder)
