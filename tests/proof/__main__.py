"""``python -m tests.proof [--json] [--fresh] [--list] [NAME…]``: all programs, or these; 1 if anything was missed. As root."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.programs.build import ToolchainMissingError
from tests.programs.registries import ProgramMissingError
from tests.proof.corpus import PROGRAMS
from tests.proof.present import document, lacking_line, row, summary, title
from tests.proof.proving import prove
from tests.proof.scene import enter, scene
from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from tests.proof.model import Program, Proof


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="one document, docs/proof.schema.json")
    parser.add_argument("--fresh", action="store_true", help="only the batch that was looked at after the rules stood")
    parser.add_argument("--list", action="store_true", help="only the names")
    options = parser.parse_args()
    chosen = _chosen(options.names, fresh=options.fresh)
    if options.list:
        sys.stdout.writelines(f"{program.name}\n" for program in chosen)
        return 0
    lacking = enter("tests.proof", sys.argv[1:], lambda: _fetched(chosen))
    proofs = _all(chosen, lacking, talk=not options.json)
    if options.json:
        json.dump(document(proofs, lacking), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(summary(proofs, lacking))
    return 0 if proofs and all(proof.holds for proof in proofs) else 1


def _chosen(names: list[str], *, fresh: bool) -> list[Program]:
    unknown = set(names) - {program.name for program in PROGRAMS}
    if unknown:
        sys.exit(f"no such program: {', '.join(sorted(unknown))}; --list tells all")
    return [program for program in PROGRAMS if (not names or program.name in names) and (program.fresh or not fresh)]


def _fetched(chosen: list[Program]) -> dict[str, str]:
    """Why some programs can't be had here: all others are there then."""
    lacking: dict[str, str] = {}
    for program in chosen:
        try:
            for fetch in (program.fetch, *(other for _, other in program.others)):
                fetch()
        except (ProgramMissingError, ToolchainMissingError, subprocess.CalledProcessError) as error:
            lacking[program.name] = str(error)
    return lacking


def _all(chosen: list[Program], lacking: dict[str, str], *, talk: bool) -> list[Proof]:
    """What came out; a program that whit refuses to analyse is lacking too."""
    proofs: list[Proof] = []
    if talk:
        sys.stdout.write(title())
    with scene() as place:
        for program in chosen:
            if program.name not in lacking:
                try:
                    proofs.append(prove(program, place))
                except WhitError as error:
                    lacking[program.name] = error.message
            if talk:
                told = lacking.get(program.name)
                sys.stdout.write(lacking_line(program.name, told) if told else row(proofs[-1]))
                sys.stdout.flush()
    return proofs


if __name__ == "__main__":
    sys.exit(main())
