"""`python -m tpcharness` is the same as the `tpcharness` command."""

from tpcharness.cli.main import run

if __name__ == "__main__":
    run()
