#!/usr/bin/env python3
"""Writes the tables of results/README.md and README.md from the newest results/DATE.json, or checks that they agree with it.

    python3 results/tables.py            # writes
    python3 results/tables.py --check    # exit 1 and the first difference where a table is another one (make test)

A table stands between <!-- table NAME --> and <!-- /table -->; results/tables.toml says what is in it:

    [NAME]
    evaluation = "darcy-evaluate"                    # of a column that names none
    columns = [["32²", "darcy-contrast-32"], …]      # title, dataset, and, if need be, relative tolerance and evaluation
    head = "method"                                  # title of the first column, default none
    cell = "{its}, {ms}"                             # of rows that have none of their own
    cells = ["{its}", "{ms}"]                        # or one a column
    best = "ms"                                      # the least of these in a column is bold (rows that failed apart)
    [[NAME.row]]
    title = "IC(0)"
    label = "cg + icc"                               # the row's label in the evaluation; a list: one a column
    others = { base = "cg + none" }                  # rows that a cell may name, a list of labels: one a column
    before = ["49 / ", …]                            # put before each cell: published numbers
    trivial = ["cg + mean-fsai", …]                  # rows that know nothing; where the best of them needs no more
                                                     # iterations, the cell is marked; a list of lists: one a column
    [[NAME.row]]
    title = "published"
    text = ["8", "21", …]                            # nothing measured
    [[NAME.row]]
    title = "trained for"
    seconds = ["train poisson-mlp-level2", …]        # of a step of training/paper.py, one a column

A cell holds {its} (mean iterations, with ≥ where a solve failed), {ms} (median milliseconds with setup and inference), {failed},
{fell_back} (solves in which a model took what it starts from), or {key:format} with any key of a row in the JSON, as
{label_cosine.mean:.3f}; {inference.median_ms:.0f} is in milliseconds. {base.its} is that of another row, {base.its/its:.1f} a ratio,
{its%base.its:.1f} a change in percent with its sign. Needs Python 3.11 or newer, nothing else.
"""
import argparse, json, re, sys, tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ["README.md", "results/README.md"]


MARK = " †"
NOTE = "† No fewer iterations than its trivial row."


class Missing(Exception):
    """What a table names and the results have not."""


def newest():
    files = sorted((ROOT / "results").glob("2*.json"))
    if not files:
        sys.exit("results/ holds no DATE.json: make paper")
    return json.loads(files[-1].read_text())


def rounded(value):
    """Three digits that count."""
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    if value >= 1:
        return f"{value:.2f}"
    return f"{value:.2g}"


def number(row, key, others={}):
    for sign in "%/":
        if sign in key:
            a, b = (number(row, part, others) for part in key.split(sign))
            return 100 * (a / b - 1) if sign == "%" else a / b
    alias, _, rest = key.partition(".")
    if alias in others:
        return number(others[alias], rest)
    if key == "its":
        return row["iterations"]["mean"]
    if key == "ms":
        return 1e3 * row["total"]["median"]
    if key == "failed":
        return row["failures"]
    if key == "fell_back":
        return row.get("fell_back", 0)
    # Times are seconds in the JSON.
    key, scale = (key.removesuffix("_ms"), 1e3) if key.endswith("_ms") else (key, 1)
    value = row
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        raise Missing(f"row {row['label']!r} has no {key}")
    return value if scale == 1 else scale * value


def shown(row, key, form, others):
    value = number(row, key, others)
    if "%" in key:
        return f"{value:+{form}}".replace("-", "−") + " %"
    if key == "its":
        return ("≥ " if row["failures"] else "") + f"{value:{form or '.1f'}}"
    if key == "ms":
        return f"{value:{form}}" if form else rounded(value)
    return f"{value:{form}}"


def rows_of(results, name, dataset, rtol):
    if name not in results["evaluations"]:
        raise Missing(f"evaluation {name}")
    evaluation = results["evaluations"][name]
    places = [k for k, d in enumerate(evaluation["datasets"]) if d["name"] == dataset]
    if not places:
        raise Missing(f"dataset {dataset} in {name}")
    return [
        r for r in evaluation["rows"] if r["dataset"] == places[0] and (rtol is None or abs(r["rtol"] / rtol - 1) < 1e-9)
    ]


def form_of(spec, row, k):
    """How a cell in the k-th column of a row is written."""
    return row.get("cell") or (spec["cells"][k] if "cells" in spec else spec.get("cell", "{its}"))


def table(results, spec):
    columns = []
    for column in spec["columns"]:
        title, dataset, rtol, name = (column + [None, None])[:4]
        columns.append((title, rows_of(results, name or spec["evaluation"], dataset, rtol or None), dataset))
    body = []
    for row in spec["row"]:
        if "text" in row:
            body.append([row["title"], *[[(t, None)] for t in row["text"]]])
            continue
        if "seconds" in row:
            missing = [step for step in row["seconds"] if step not in results["seconds"]]
            if missing:
                raise Missing(f"step {missing[0]!r}")
            body.append([row["title"], *[[(f"{results['seconds'][step]:.0f} s", None)] for step in row["seconds"]]])
            continue
        cells = []
        for k, (_, rows, dataset) in enumerate(columns):
            label = row["label"][k] if isinstance(row["label"], list) else row["label"]
            pieces = [(row["before"][k], None)] if "before" in row else []
            if label == "":
                cells.append(pieces)
                continue
            found = [r for r in rows if r["label"] == label]
            if not found:
                raise Missing(f"row {label!r} on {dataset}; there are {', '.join(repr(r['label']) for r in rows)}")
            others = {}
            for alias, labels in row.get("others", {}).items():
                wanted = labels[k] if isinstance(labels, list) else labels
                others[alias] = next((r for r in rows if r["label"] == wanted), None)
                if others[alias] is None:
                    raise Missing(f"row {wanted!r} on {dataset}")
            for text, key, form in re.findall(r"([^{]*)(?:\{([^:}]+):?([^}]*)\})?", form_of(spec, row, k)):
                pieces.append((text, None))
                if key:
                    value = None if found[0]["failures"] else number(found[0], key, others)
                    pieces.append((shown(found[0], key, form, others), (key, value)))
            names = row.get("trivial", [])
            names = names[k] if names and isinstance(names[0], list) else names
            trivial = [number(r, "its") for r in rows if r["label"] in names]
            counts = "{its" in form_of(spec, row, k)
            if counts and trivial and number(found[0], "its") >= min(trivial):
                pieces.append((MARK, None))
            cells.append(pieces)
        body.append([row["title"], *cells])
    best = spec.get("best")
    lines = ["| " + " | ".join([spec.get("head", ""), *[c[0] for c in columns]]) + " |", "|---" * (len(columns) + 1) + "|"]
    least = []
    for k in range(len(columns)):
        values = [p[1][1] for row in body for p in row[k + 1] if p[1] and p[1][0] == best and p[1][1] is not None]
        least.append(min(values, default=None))
    for row in body:
        cells = []
        for k, pieces in enumerate(row[1:]):
            bold = lambda p: p[1] and p[1][0] == best and p[1][1] is not None and p[1][1] == least[k]
            cells.append("".join(f"**{p[0]}**" if bold(p) else p[0] for p in pieces))
        lines.append("| " + " | ".join([row[0], *cells]) + " |")
    text = "\n".join(line.replace("|  |", "| |").replace("|  |", "| |") for line in lines)
    return f"{text}\n\n{NOTE}" if MARK in text else text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    results = newest()
    with open(ROOT / "results" / "tables.toml", "rb") as f:
        specs = tomllib.load(f)
    seen, wrong = set(), []
    for name in FILES:
        path = ROOT / name
        if not path.exists():
            continue
        text = path.read_text()

        def made(match):
            table_name = match[1]
            seen.add(table_name)
            if table_name not in specs:
                sys.exit(f"{name}: results/tables.toml has no table {table_name}")
            try:
                lines = table(results, specs[table_name])
            except Missing as e:
                sys.exit(f"{name}: table {table_name}: the results have no {e}")
            block = f"<!-- table {table_name} -->\n{lines}\n<!-- /table -->"
            if block != match[0]:
                there = match[0].splitlines()
                first = next((b for a, b in zip(there, block.splitlines()) if a != b), block.splitlines()[-1])
                wrong.append(f"{name}: table {table_name} is not that of the results; first line that is another: {first}")
            return block

        new = re.sub(r"<!-- table (\S+) -->\n(?:.*\n)*?<!-- /table -->", made, text)
        if new != text and not args.check:
            path.write_text(new)
    if unused := set(specs) - seen:
        sys.exit(f"results/tables.toml: no document has a place for table {sorted(unused)[0]}")
    if args.check and wrong:
        sys.exit("\n".join(wrong) + "\npython3 results/tables.py writes them")
    print(f"{len(seen)} tables" + ("" if args.check or not wrong else f", {len(wrong)} written anew"))


if __name__ == "__main__":
    main()
