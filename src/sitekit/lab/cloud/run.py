"""What a plug-in's launcher runs: `python -m sitekit.lab.cloud.run PACKAGE FOLDER [engine …]`."""

import sys

from . import light

if __name__ == "__main__":
    light.install()  # before anything imports pulumi

    from .plugin import main

    sys.exit(main(sys.argv[1:]))
