#!/usr/bin/env python3
"""Makes the datasets, networks and evaluations behind the README's results, and collects their numbers.

    python3 training/paper.py target/release/fempipe              # everything that is not there yet (make paper)
    python3 training/paper.py target/release/fempipe neurkitt     # one topic
    python3 training/paper.py target/release/fempipe --list       # what would be done, without doing it

What an evaluation needs is read from its recipe: datasets from `data`, networks from the rows' `model`. A dataset or network
that is there is not made again; an interrupted step goes on where it stopped. The numbers of all evaluations that are there go
into results/DATE.json with the machine, the versions and the digests (`--collect` does that alone), and
`python3 results/tables.py` writes them into the README. Needs Python 3.11 or newer, nothing else; where fempipe runs beside PETSc
(topic cubes) python3 with petsc4py (Debian: python3-petsc4py; --peers names another), without which those rows are missing.
"""
import argparse, datetime, json, os, platform, shutil, subprocess, sys, time, tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATASETS, TRAINING = ROOT / "datasets", ROOT / "training"
STEPS = TRAINING / "paper.jsonl"

TOPICS = {
    "poisson": [
        "poisson-omega",
        "poisson-table1",
        "poisson-table1-error",
        "poisson-table3-omega",
        "poisson-table3",
        "poisson-table4",
        "poisson-figure3",
        "poisson-transfer",
    ],
    "nsls": ["frame-evaluate-error"],
    "nsls-ablation": ["nsls-ablation-evaluate"],
    "precorrector": ["darcy-evaluate"],
    "precorrector-transfer": ["precorrector-transfer-evaluate"],
    "precorrector-broad": ["precorrector-broad-evaluate"],
    "precorrector-width": ["precorrector-width-evaluate"],
    "cubes": ["elliptic-cube-evaluate", "darcy-cube-evaluate", "cube-rhs-1", "cube-rhs-4", "cube-rhs-16"],
    "neurkitt": [
        "darcy-neurkitt-evaluate",
        "darcy-neurkitt-ablation-evaluate",
        "darcy-contrast-neurkitt-evaluate",
        "darcy-contrast-icc-neurkitt-evaluate",
        "darcy-contrast-two-level-evaluate",
        "darcy-inclusions-evaluate",
        "helmholtz-indefinite-neurkitt-evaluate",
        "neurkitt-sweep-evaluate",
    ],
    "inverses": [
        "biharmonic-inverse-evaluate",
        "elliptic-inverse-evaluate",
        "elliptic-inverse-transfer",
        "elliptic-gcvae-variants",
        "frame-inverse-evaluate",
    ],
    "factor-gnn": [
        "tridiagonal-factor-gnn-evaluate",
        "darcy-factor-gnn-evaluate",
        "tridiagonal-factors-evaluate",
        "frame-factors-evaluate",
    ],
}

# The settings of the papers, which take hours to days on a CPU: made when they are named.
LONG = {
    "factor-gnn-paper": ["tridiagonal-factor-gnn-paper-evaluate", "darcy-factor-gnn-paper-evaluate"],
    "factor-gnn-frame": ["frame-factor-gnn-evaluate"],
}

# Systems of others, which have to be imported first (fempipe import *.npz -o datasets/stand.h5).
IMPORTED = {"stand": ["stand-evaluate-error", "stand-evaluate"]}

# Evaluations that no recipe of their own name describes: recipe and changed keys.
EVALUATED = {f"cube-rhs-{k}": ("cube-rhs-evaluate", [f"right_hand_sides={k}"]) for k in (1, 4, 16)}

# Comparisons with other programs of benches/peers, measured after the evaluations of their topic: script, dataset, validation
# dataset, networks and further arguments.
PEERS = {
    "cubes": {
        f"{family}-cube-{size}-peers": (
            "cubes.py",
            f"{family}-cube-{size}",
            f"{family}-cube-{size}-validation",
            [f"{family}-cube-precorrector"],
            ["--rounds", "2", *(["--cholesky"] if size == 32 else [])],
        )
        for family in ("elliptic", "darcy")
        for size in (32, 48, 64)
    }
}

NODES = ["mlp", "gat", "gen", "mpnn", "graph-transformer", "fast-graph-transformer"]


def test_systems(recipe, *sets, samples=8, seed=11):
    """Test systems of a seed of their own."""
    counts = ["split.train=0", "split.validation=0", f"split.test={samples}", *sets]
    return recipe, ["--samples", str(samples), "--seed", str(seed), *(word for s in counts for word in ("--set", s))]


# Datasets that no recipe of their own name makes: recipe and further arguments.
MADE = {f"poisson-level{k}-ones": (f"poisson-level{k}", ["--set", f"poisson.f={4**k}"]) for k in range(2, 6)} | {
    f"{family}-cube-{size}-validation": test_systems(f"{family}-cube-{size}", samples=2, seed=12)
    for family in ("elliptic", "darcy")
    for size in (32, 48, 64)
} | {
    "transfer-size": test_systems("elliptic-cube-32"),
    "transfer-contrast-2": test_systems("elliptic-cube-contrast", "elliptic.contrast=2.0"),
    "transfer-contrast-1e4": test_systems("elliptic-cube-contrast", "elliptic.contrast=1e4"),
    "transfer-darcy-cube": test_systems("darcy-cube-32"),
    "transfer-darcy-p1": test_systems("darcy-contrast"),
    "transfer-darcy-q1": test_systems("darcy-contrast", "darcy.discretisation=q1"),
    "transfer-delaunay": test_systems("elliptic-1000"),
    "transfer-biharmonic": test_systems("biharmonic-576"),
    "transfer-frame": test_systems("frame-small"),
}

# Width and rounds of precorrector.
WIDTHS = [(4, 1), (4, 2), (4, 3), (8, 1), (8, 2), (8, 3), (16, 3)]

ABLATION = ["samples=300", "epochs=6", "validation.every=6"]

# Networks that no recipe of their own name trains: recipe, changed keys, dataset if another one.
TRAINED = (
    {
        f"{family}{paper}-{node}": (f"{family}-factor-gnn{paper}", [f"factor-gnn.node={node}"], None)
        for family in ("tridiagonal", "darcy", "frame")
        for paper in ("", "-paper")
        for node in NODES
    }
    | {
        f"{family}-mpnn-unordered": (f"{family}-factor-gnn", ["factor-gnn.order=false"], None)
        for family in ("tridiagonal", "darcy")
    }
    | {
        f"ablation-{features}-{loss}": (
            "frame-nsls",
            [*ABLATION, f"nsls.features={features}", f"nsls.loss={loss}"],
            None,
        )
        for features in ("none", "jacobi", "arnoldi", "cg")
        for loss in ("solution", "residual", "both")
    }
    | {
        f"precorrector-on-{name}": ("precorrector-broad", [], name)
        for name in ("darcy-contrast", "elliptic", "darcy-cube", "elliptic-cube-contrast", "frame")
    }
    | {
        f"darcy-neurkitt-{name}": ("darcy-neurkitt-ablation", [f"neurkitt.{key}"], None)
        for name, key in (
            ("no-fno", "spectral=false"),
            ("no-qr", "loss=projection-without-qr"),
            ("no-projection", "loss=mean-square"),
        )
    }
    | {
        f"precorrector-width-{width}-{rounds}": (
            "elliptic-cube-precorrector",
            ["epochs=10", f"precorrector.width={width}", f"precorrector.rounds={rounds}"],
            None,
        )
        for width, rounds in WIDTHS
    }
    | {
        "ablation-cg-energy": ("frame-nsls", [*ABLATION, "nsls.loss=energy", "nsls.directions=4"], None),
        # 1000 epochs take twelve hours.
        "poisson-mlp-paper-level4": ("poisson-mlp-paper-level4", ["epochs=30"], None),
    }
)


def read(path):
    with open(path, "rb") as f:
        return tomllib.load(f)


def listed(value):
    return value if isinstance(value, list) else [value]


def stems(paths):
    return [Path(p).stem for p in paths]


class Paper:
    """Makes what is named and what that needs, each once."""

    def __init__(self, args):
        self.args, self.done = args, set()

    def run(self, step, command):
        self.step(step, [self.args.binary, *command, "--quiet", "--threads", str(self.args.threads)])

    def step(self, step, command):
        print(f"{'' if self.args.list else time.strftime('%H:%M:%S ')}{step}", flush=True)
        if self.args.list:
            return
        start = time.time()
        done = subprocess.run(command, cwd=ROOT)
        if done.returncode != 0:
            sys.exit(f"{step}: {' '.join(command)} ended with {done.returncode}; the same command goes on")
        record = {"step": step, "seconds": round(time.time() - start, 1), "when": time.strftime("%F %T")}
        with open(STEPS, "a") as f:
            f.write(json.dumps(record) + "\n")

    def once(self, step):
        new = step not in self.done
        self.done.add(step)
        return new

    def dataset(self, name):
        out = DATASETS / f"{name}.h5"
        if self.once(f"generate {name}") and not out.exists():
            recipe, more = MADE.get(name, (name, []))
            self.run(f"generate {name}", ["generate", f"datasets/{recipe}.toml", "-o", f"datasets/{name}.h5", *more])

    def network(self, name):
        if not self.once(f"train {name}"):
            return
        recipe, sets, data = TRAINED.get(name, (name, [], None))
        table = read(TRAINING / f"{recipe}.toml")
        data = stems([table["data"], *table.get("more_data", [])]) if data is None else [data]
        for d in data:
            self.dataset(d)
        run = f"training/{name}"
        if (ROOT / run / "last.safetensors").exists():
            # A finished run has nothing left to do.
            if not self.finished(name):
                self.run(f"train {name}", ["train", "--resume", run])
            return
        command = ["train", f"training/{recipe}.toml", "-o", run]
        command += [word for s in sets for word in ("--set", s)]
        if len(data) == 1 and "more_data" in table:
            command += ["--data", f"datasets/{data[0]}.h5"]
        self.run(f"train {name}", command)

    def finished(self, name):
        return any(s["step"] == f"train {name}" for s in steps())

    def evaluation(self, name):
        recipe, sets = EVALUATED.get(name, (name, []))
        table = read(TRAINING / f"{recipe}.toml")
        for d in stems(listed(table["data"])):
            if (DATASETS / f"{d}.toml").exists() or d in MADE:
                self.dataset(d)
        for row in table.get("row", []):
            for model in listed(row.get("model", [])):
                self.network(Path(model).parts[0])
        # Goes on where it stopped, measures again where a network has changed.
        command = ["evaluate", f"training/{recipe}.toml", "-o", f"training/{name}-report"]
        self.run(f"evaluate {name}", command + [word for s in sets for word in ("--set", s)])

    def peer(self, name, script, data, validation, networks, more):
        out = f"training/{name}.json"
        self.dataset(data)
        self.dataset(validation)
        for network in networks:
            self.network(network)
        if (ROOT / out).exists():
            return
        command = [self.args.peers, f"benches/peers/{script}", self.args.binary, f"datasets/{data}.h5", "--json", out, *more]
        command += ["--validation", f"datasets/{validation}.h5"]
        command += [word for network in networks for word in ("--model", f"training/{network}")]
        self.step(f"measure {name}", command)


def steps():
    return [json.loads(line) for line in open(STEPS)] if STEPS.exists() else []


def machine():
    def field(path, key):
        try:
            lines = open(path).read().splitlines()
        except OSError:
            return None
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), None)

    memory = field("/proc/meminfo", "MemTotal")
    return {
        "processor": field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": memory and round(int(memory.split()[0]) / 2**20, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def figures(value):
    """Numbers at the six digits that tables could show; what a row has not is left out."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: figures(v) for k, v in value.items() if v is not None}
    return value


# What tables show; report and statistics of an evaluation have the rest.
KEPT = ["label", "kind", "dataset", "rtol", "solves", "failures", "iterations", "total", "setup", "solve", "inference"]
KEPT += ["fill", "fell_back", "setup_iterations", "guess_error", "label_cosine", "kappa_after", "leak", "out_of_distribution"]


def cell(row):
    """A row of an evaluation: iterations and seconds with their spread, of all else mean, median and extremes."""
    row = figures({key: row[key] for key in KEPT if row.get(key) is not None})
    for key, value in row.items():
        if isinstance(value, dict):
            row[key] = {k: v for k, v in value.items() if k not in ("q1", "q3")}
            if key not in ("iterations", "total"):
                row[key].pop("median_interval", None)
    return row


def text(value, indent=""):
    """JSON with one line for each row and dataset."""
    if isinstance(value, dict) and any(isinstance(v, (dict, list)) for v in value.values()) and "label" not in value:
        inner = [f"{indent} {json.dumps(k, ensure_ascii=False)}: {text(v, indent + ' ')}" for k, v in value.items()]
        return "{\n" + ",\n".join(inner) + f"\n{indent}" + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"{indent} {json.dumps(v, ensure_ascii=False)}" for v in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def dataset(info):
    """What a table may say of a dataset, and the recipe that it came from."""
    kappa = sorted(info["kappa"])
    median = kappa[len(kappa) // 2] if kappa else None
    keys = ("name", "family", "systems", "n", "nnz")
    return figures({k: info[k] for k in keys} | {"kappa_median": median})


def collect(binary, threads):
    """results/DATE.json: every evaluation that is there, and what it was made with."""
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    names = [n for topic in (TOPICS | LONG | IMPORTED).values() for n in topic]
    evaluations = {}
    for name in names:
        path = TRAINING / f"{name}-report" / "summary.json"
        if not path.exists():
            continue
        summary = json.loads(path.read_text())
        if summary["interrupted"]:
            continue
        evaluations[name] = {
            "recipe": f"training/{EVALUATED.get(name, (name, []))[0]}.toml",
            "fempipe_version": summary["fempipe_version"],
            "identity": summary["identity"],
            "measured": time.strftime("%F", time.gmtime(path.stat().st_mtime)),
            "datasets": [dataset(d) for d in summary["datasets"]],
            "rows": [cell(row) for row in summary["cells"]],
        }
    for name in (n for topic in PEERS.values() for n in topic):
        path = TRAINING / f"{name}.json"
        if path.exists():
            kept = json.loads(path.read_text())
            measured = time.strftime("%F", time.gmtime(path.stat().st_mtime))
            evaluations[name] = {"measured": measured} | kept
            evaluations[name] |= {k: [figures(v) for v in kept[k]] for k in ("datasets", "rows")}
    seconds = {}
    for s in steps():
        seconds[s["step"]] = round(seconds.get(s["step"], 0) + s["seconds"], 1)
    out = ROOT / "results" / f"{datetime.date.today()}.json"
    out.parent.mkdir(exist_ok=True)
    result = {"fempipe": version, "machine": machine() | {"threads": threads}}
    result |= {"seconds": seconds, "evaluations": evaluations}
    out.write_text(text(result) + "\n")
    print(out.relative_to(ROOT))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("topics", nargs="*", help=f"of {', '.join(TOPICS | LONG | IMPORTED)} [default: {', '.join(TOPICS)}]")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    python3 = shutil.which("python3") or "python3"
    parser.add_argument("--peers", default=python3, help="Python with petsc4py [default: %(default)s]")
    parser.add_argument("--list", action="store_true", help="say what would be done")
    parser.add_argument("--collect", action="store_true", help="collect what is there, make nothing")
    args = parser.parse_args()
    args.binary = str(Path(args.binary).resolve())
    known = TOPICS | LONG | IMPORTED
    unknown = [t for t in args.topics if t not in known]
    if unknown:
        parser.error(f"no topic {unknown[0]}: there are {', '.join(known)}")
    if not args.collect:
        paper = Paper(args)
        for topic in args.topics or TOPICS:
            for name in known[topic]:
                paper.evaluation(name)
            for name, what in PEERS.get(topic, {}).items():
                paper.peer(name, *what)
    if not args.list:
        collect(args.binary, args.threads)


if __name__ == "__main__":
    main()
