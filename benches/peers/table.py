"""Prints what the programs measured, and how it compares with the first of them: lines of `program<TAB>sessions<TAB>JSON`."""

import json
import sys

ROWS = [
    ("create", "create a session", 1e6, "us"),
    ("use", "get a session + mark it good", 1e6, "us"),
    ("persist", "write all that changed", 1e3, "ms"),
    ("reopen", "open it again", 1e3, "ms"),
    ("resident", "memory a session", 1, "B"),
]

figures: dict[tuple[str, str], dict] = {}
for line in sys.stdin:
    program, sessions, measured = line.rstrip("\n").split("\t")
    figures[program, sessions] = json.loads(measured)

programs = list(dict.fromkeys(program for program, _ in figures))
sizes = list(dict.fromkeys(sessions for _, sessions in figures))
print(f"| {'':30} | {'sessions':>8} | " + " | ".join(f"{program:>24}" for program in programs) + " |")
print("|" + "-" * 32 + "|" + "-" * 9 + ":|" + "|".join("-" * 25 + ":" for _ in programs) + "|")
for key, name, scale, unit in ROWS:
    for sessions in sizes:
        ours = figures[programs[0], sessions][key]
        cells = []
        for program in programs:
            figure = figures[program, sessions][key]
            ratio = "" if program == programs[0] else f" ({figure / ours:.1f} x)"
            cells.append(f"{figure * scale:,.2f} {unit}{ratio}")
        print(f"| {name:30} | {int(sessions):8,} | " + " | ".join(f"{cell:>24}" for cell in cells) + " |")
