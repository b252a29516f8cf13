"""Methods beside each other on held-out systems, as records for pandas."""

import fempipe

# %% Systems of two sizes
for level in (3, 4):
    fempipe.generate(
        {"family": "poisson", "samples": 30, "poisson": {"level": level}},
        output=f"poisson-{level}.h5",
    )

# %% Rows × datasets × tolerances, in one process, with the same stopping rule for all
records = fempipe.evaluate(
    {
        "data": ["poisson-3.h5", "poisson-4.h5"],
        "rtol": [1e-5, 1e-8],
        "row": [{"ksp": "cg", "pc": pc} for pc in ("none", "icc", "amg", "cholesky")],
    }
)

# %% With pandas: pandas.DataFrame(records).pivot_table("iterations_mean", "row", ["dataset", "rtol"])
for record in records:
    print(
        f"{record['dataset']:10s} rtol {record['rtol']:.0e} {record['row']:16s} "
        f"{record['iterations_mean']:6.1f} iterations {1e3 * record['total_seconds_median']:8.3f} ms"
    )
assert len(records) == 16 and all(r["failures"] == 0 for r in records)

# %% Every solve
solves = fempipe.evaluate({"data": ["poisson-3.h5"], "row": [{"ksp": "cg", "pc": "icc"}]}, solves=True)
print("one solve:", {key: solves[0][key] for key in ("sample", "reason", "iterations", "relative_residual")})
