"""`python -m reserve_core`: the `reserve` command."""

from .cli import main

main(prog_name="reserve")
