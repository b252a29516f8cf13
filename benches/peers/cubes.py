#!/usr/bin/env python3
"""Total seconds of preconditioned CG on the systems of a dataset, fempipe's rows and PETSc's in turns, system by system.

    python3 benches/peers/cubes.py target/release/fempipe datasets/elliptic-cube-48.h5 --validation v48.h5 \
        --model training/elliptic-cube-precorrector

Every solve: the system's own b, x0 = 0, ||b - A x|| <= rtol ||b||. Seconds are setup, inference and solve; reading is not
counted. Drop tolerance and relaxation are chosen by the median time on the systems of --validation, which are none of those
that are reported. Of each system the median of the rounds counts; printed is the median over systems with its 95 % bootstrap
interval, the share of systems on which the row was the fastest, and the ratio to the fastest row's median.
PETSc (Debian: python3-petsc4py) runs on one thread; where it cannot be imported its rows are left out, and the table says so.
--json FILE keeps the numbers, in the shape in which training/paper.py keeps those of an evaluation.
"""
import argparse, json, os, subprocess, sys, tempfile, time

import numpy as np

from solvers import PETSc

ROWS = ["jacobi", "ssor", "fsai", "icc", "icc(1)", "amg"]
# A parameter that is chosen on validation systems.
TUNED = {
    "ict": ["ict(0.05)", "ict(0.02)", "ict(0.01)", "ict(0.005)"],
    "mic": ["mic(relaxation = 0.97)", "mic(relaxation = 0.99)", "mic(relaxation = 0.995)"],
    "mict": ["mict(0.02, relaxation = 0.97)", "mict(0.05, relaxation = 0.97)", "mict(0.05, relaxation = 0.99)"],
    "dic": ["dic(0.97)", "dic(0.99)", "dic(0.995)"],
}
PEERS = [
    ("PETSc icc", "-pc_type icc"),
    ("PETSc gamg", "-pc_type gamg"),
    ("hypre BoomerAMG, 0.5", "-pc_type hypre -pc_hypre_type boomeramg -pc_hypre_boomeramg_strong_threshold 0.5"),
    (
        "hypre BoomerAMG, 0.5, HMIS, ext+i, aggressive",
        "-pc_type hypre -pc_hypre_type boomeramg -pc_hypre_boomeramg_strong_threshold 0.5"
        " -pc_hypre_boomeramg_coarsen_type HMIS -pc_hypre_boomeramg_interp_type ext+i"
        " -pc_hypre_boomeramg_agg_nl 1 -pc_hypre_boomeramg_P_max 4",
    ),
]


def fempipe(args, data, sample, pc=(), model=()):
    """Iterations, seconds (None: not solved) and what the result says of itself."""
    command = [args.binary, "solve", data, "--sample", str(sample), "--ksp", "cg", f"--rtol={args.rtol}", "--json"]
    command += [f"--threads={args.threads}", f"--max-it={args.max_it}"]
    command += [word for p in pc for word in ("--pc", p)] + [word for m in model for word in ("--model", m)]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    r = json.loads(done.stdout)
    # Inference is part of the setup there.
    seconds = r["setup_seconds"] + r["solve_seconds"]
    return r["iterations"], seconds if r["converged"] else None


def petsc(args, a, b, options):
    words, db = options.split(), PETSc.Options()
    pairs = list(zip(words[::2], words[1::2]))
    for key, value in pairs:
        db.setValue(key[1:], value)
    start = time.perf_counter()
    ksp = PETSc.KSP().create()
    ksp.setOperators(a)
    ksp.setType("cg")
    ksp.setFromOptions()
    ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
    ksp.setTolerances(rtol=args.rtol, atol=1e-50, divtol=1e5, max_it=args.max_it)
    x = b.duplicate()
    ksp.setUp()
    ksp.solve(b, x)
    seconds = time.perf_counter() - start
    for key, _ in pairs:
        db.delValue(key[1:])
    result = ksp.getIterationNumber(), seconds if ksp.getConvergedReason() > 0 else None
    ksp.destroy(), x.destroy()
    return result


def exported(args, data, sample, folder):
    """The system as PETSc reads it."""
    file = os.path.join(folder, "system.petsc")
    command = [args.binary, "export", data, "--sample", str(sample), "--to", "petsc", "-o", file, "--force", "-q"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    viewer = PETSc.Viewer().createBinary(file, "r")
    a, b = PETSc.Mat().load(viewer), PETSc.Vec().load(viewer)
    a.setOption(PETSc.Mat.Option.SPD, True)
    viewer.destroy(), os.remove(file)
    return a, b


def tuned(args):
    """Of each kind the parameter with the least median time on the validation systems."""
    if not args.validation:
        return [candidates[0] for candidates in TUNED.values()]
    best = []
    for name, candidates in TUNED.items():
        times = {c: [] for c in candidates}
        for sample in range(args.validation_samples):
            for _ in range(args.rounds):
                for c in candidates:
                    times[c].append(fempipe(args, args.validation, sample, [c])[1] or np.inf)
        medians = {c: np.median(t) for c, t in times.items()}
        best.append(min(medians, key=medians.get))
        print(f"# {name}: " + ", ".join(f"{c} {1e3 * m:.0f} ms" for c, m in medians.items()), flush=True)
    return best


def interval(values, rng):
    """95 % bootstrap interval of the median."""
    draws = rng.choice(values, (4000, len(values)))
    return np.percentile(np.median(draws, axis=1), [2.5, 97.5])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("data")
    parser.add_argument("--validation", help="dataset of other systems of the same kind and size")
    parser.add_argument("--validation-samples", type=int, default=2)
    parser.add_argument("--model", action="append", default=[], help="run directory of a preconditioner")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rtol", type=float, default=1e-6)
    parser.add_argument("--max-it", type=int, default=5000)
    parser.add_argument("--cholesky", action="store_true", help="sparse Cholesky as well")
    parser.add_argument("--without", action="append", default=[], help="rows to leave out, by name")
    parser.add_argument("--json", help="file for the numbers")
    args = parser.parse_args()
    names = [*ROWS, *tuned(args), *(["cholesky"] if args.cholesky else [])]
    ours = [(name, [name], []) for name in names if name not in args.without]
    ours += [(os.path.basename(os.path.normpath(m)), [m], []) for m in args.model]
    peers = [peer for peer in PEERS if peer[0] not in args.without] if PETSc else []
    results = {name: [] for name in [r[0] for r in ours] + [p[0] for p in peers]}
    with tempfile.TemporaryDirectory() as folder:
        for sample in range(args.samples):
            runs = {name: [] for name in results}
            system = exported(args, args.data, sample, folder) if peers else None
            for _ in range(args.rounds):
                for name, pc, model in ours:
                    runs[name].append(fempipe(args, args.data, sample, pc, model))
                for name, options in peers:
                    runs[name].append(petsc(args, *system, options))
            for part in system or ():
                part.destroy()
            for name, solves in runs.items():
                solved = all(seconds is not None for _, seconds in solves)
                seconds = float(np.median([s for _, s in solves])) if solved else np.inf
                results[name].append((solves[0][0], seconds))
    rng = np.random.default_rng(0)
    seconds = {name: np.array([s for _, s in solves]) for name, solves in results.items()}
    least = min(np.median(s) for s in seconds.values())
    fastest = np.array(list(seconds.values())).argmin(axis=0)
    print(f"{args.data}: {args.samples} systems, {args.rounds} rounds, fempipe on {args.threads} thread(s)")
    if not PETSc:
        print("PETSc: petsc4py cannot be imported, its rows are missing")
    print("| row | iterations, mean | ms, median | 95 % interval | of the fastest | fastest on |\n|---|---|---|---|---|---|")
    kept = []
    for k, (name, solves) in enumerate(results.items()):
        s = seconds[name]
        # A tuned row by the name of its kind, so that it has one name at all sizes.
        kind = name.split("(")[0]
        row = {"label": kind if kind in TUNED else name, "parameters": name, "dataset": 0, "rtol": args.rtol}
        row["failures"] = int(np.isinf(s).sum())
        row["iterations"] = {"mean": float(np.mean([i for i, _ in solves]))}
        row["fastest"] = float(np.mean(fastest == k))
        kept.append(row)
        if row["failures"]:
            print(f"| {name} | | {row['failures']} not solved | | | |")
            continue
        low, high = interval(s, rng)
        row["total"] = {"median": float(np.median(s)), "low": float(low), "high": float(high)}
        print(
            f"| {name} | {row['iterations']['mean']:.1f} | {1e3 * np.median(s):.0f} | {1e3 * low:.0f} to {1e3 * high:.0f} "
            f"| {np.median(s) / least:.2f} | {row['fastest']:.0%} |"
        )
    if args.json:
        info = subprocess.run([args.binary, "inspect", args.data, "--json"], capture_output=True, text=True, check=True)
        info = json.loads(info.stdout)
        dataset = {"name": os.path.basename(args.data).removesuffix(".h5"), "systems": args.samples}
        dataset |= {key: info[key] for key in ("family", "n", "nnz") if key in info}
        peers = {"PETSc": ".".join(map(str, PETSc.Sys.getVersion()))} if PETSc else {}
        kept = {"datasets": [dataset], "rounds": args.rounds, "threads": args.threads, "peers": peers, "rows": kept}
        with open(args.json, "w") as f:
            json.dump(kept, f, indent=1)


if __name__ == "__main__":
    main()
