"""`python -m sitekit`, the same as the command `sitekit`."""

from .cli import main

if __name__ == "__main__":
    main()
