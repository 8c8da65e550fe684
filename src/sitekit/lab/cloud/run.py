"""What a plug-in's launcher runs: `python -m sitekit.lab.cloud.run PACKAGE FOLDER [engine …]`."""

import os
import sys

from . import light

if __name__ == "__main__":
    engine = os.getppid()  # before anything else: it may be killed while we start
    light.install()  # before anything imports pulumi

    from .plugin import main

    sys.exit(main(sys.argv[1:], engine))
