"""Prints what the programs measured, and how it compares with the first of them: lines of `program<TAB>sessions<TAB>JSON`.

Programs are columns, or with --a-program-a-row rows, for many of them. Figures that no program has are left out; those
without a scale are words.
"""

import json
import sys

ROWS = [
    ("create", "create a session", 1e6, "us"),
    ("use", "get a session + mark it good", 1e6, "us"),
    ("persist", "write all that changed", 1e3, "ms"),
    ("reopen", "open it again", 1e3, "ms"),
    ("resident", "memory a session", 1, "B"),
    ("disk", "disk a session", 1, "B"),
    ("kill", "a kill costs", None, ""),
    ("power_cut", "a power cut costs", None, ""),
]

figures: dict[tuple[str, str], dict] = {}
for line in sys.stdin:
    program, sessions, measured = line.rstrip("\n").split("\t")
    figures[program, sessions] = json.loads(measured)

programs = list(dict.fromkeys(program for program, _ in figures))
sizes = list(dict.fromkeys(sessions for _, sessions in figures))
rows = [row for row in ROWS if any(row[0] in measured for measured in figures.values())]


def cell(program: str, sessions: str, key: str, scale: float | None, unit: str) -> str:
    figure = figures[program, sessions][key]
    if scale is None:
        return figure
    ours = figures[programs[0], sessions][key]
    ratio = "" if program == programs[0] or not ours else f" ({figure / ours:.1f} x)"
    return f"{figure * scale:,.2f} {unit}{ratio}"


def a_program_a_column() -> None:
    print(f"| {'':30} | {'sessions':>8} | " + " | ".join(f"{program:>24}" for program in programs) + " |")
    print("|" + "-" * 32 + "|" + "-" * 9 + ":|" + "|".join("-" * 25 + ":" for _ in programs) + "|")
    for key, name, scale, unit in rows:
        for sessions in sizes:
            cells = [cell(program, sessions, key, scale, unit) for program in programs]
            print(f"| {name:30} | {int(sessions):8,} | " + " | ".join(f"{cell:>24}" for cell in cells) + " |")


def a_program_a_row() -> None:
    print(f"| {'sessions':>8} | {'':20} | " + " | ".join(f"{name:>28}" for _, name, _, _ in rows) + " |")
    print("|" + "-" * 9 + ":|" + "-" * 22 + "|" + "|".join("-" * 29 + ":" for _ in rows) + "|")
    for sessions in sizes:
        for program in programs:
            cells = [cell(program, sessions, key, scale, unit) for key, _, scale, unit in rows]
            print(f"| {int(sessions):8,} | {program:20} | " + " | ".join(f"{cell:>28}" for cell in cells) + " |")


a_program_a_row() if sys.argv[1:] == ["--a-program-a-row"] else a_program_a_column()
