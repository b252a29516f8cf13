"""Python beside the work: other threads run, Ctrl-C ends it, other libraries with an HDF5 of their own are no harm."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import scipy.sparse as sp
from test_solve import laplace

import fempipe


def long_system():
    """A solve of many seconds: cg without a preconditioner, to a tolerance that rounding does not allow soon."""
    n = 700
    line = sp.diags([-1.0, 2.0, -1.0], [-1, 0, 1], shape=(n, n))
    one = sp.identity(n)
    weight = sp.diags(10.0 ** np.random.default_rng(0).uniform(-4, 4, n * n))
    a = (weight @ (sp.kron(line, one) + sp.kron(one, line)) @ weight).tocsr()
    return ((a + a.T) / 2).tocsr(), np.ones(n * n)


def test_other_threads_run_meanwhile():
    """A thread of Python alone counts while another one solves: the lock is free."""
    a, b = laplace(300), np.ones(90_000)
    ended, ticks = threading.Event(), []

    def work():
        fempipe.solve(a, b, pc="none", rtol=1e-10)
        fempipe.preconditioner(a, "icc(3)")
        ended.set()

    thread = threading.Thread(target=work)
    start = time.perf_counter()
    thread.start()
    while not ended.is_set():
        ticks.append(time.perf_counter())
        time.sleep(0.001)
    thread.join()
    seconds = time.perf_counter() - start
    gaps = np.diff([start, *ticks])
    assert seconds > 0.1, "the work must be long enough to see"
    assert gaps.max() < 0.5 * seconds and len(ticks) > 20, (seconds, len(ticks), gaps.max())


def test_results_do_not_depend_on_threads():
    a, b = laplace(150), np.ones(22_500)
    results = []
    for threads in (1, 2):
        fempipe.set_num_threads(threads)
        x, outcome = fempipe.solve(a, b, pc="amg")
        results.append((outcome.iterations, x.tobytes()))
    assert results[0] == results[1]
    solved = [None] * 4

    def work(k):
        solved[k] = fempipe.solve(a, b, pc="amg")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all((o.iterations, x.tobytes()) == results[0] for x, o in solved)


SETUP = """
import numpy as np, os, signal, sys, threading, time
sys.path.insert(0, {tests!r})
import fempipe
from test_work import long_system
a, b = long_system()
def interrupt(after):
    threading.Thread(target=lambda: (time.sleep(after), os.kill(os.getpid(), signal.SIGINT)), daemon=True).start()
"""


def ends_in_keyboard_interrupt(code, cwd):
    """Run code that Ctrl-C must end within seconds; it prints how long after."""
    script = textwrap.dedent(SETUP).format(tests=os.path.dirname(__file__)) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, cwd=cwd)
    assert done.returncode == 0 and "interrupted" in done.stdout, (done.stdout, done.stderr)
    return done.stdout


def test_ctrl_c_ends_a_solve_and_the_next_one_runs(tmp_path):
    code = """
    interrupt(1.0)
    start = time.perf_counter()
    try:
        fempipe.solve(a, b, pc="none", rtol=1e-15, max_it=10**9)
    except KeyboardInterrupt:
        assert time.perf_counter() - start < 5, time.perf_counter() - start
        print("interrupted")
    small = a[:100, :100]
    assert fempipe.solve(small, b[:100], pc="cholesky")[1].converged
    """
    ends_in_keyboard_interrupt(code, tmp_path)


def test_ctrl_c_ends_a_solve_with_a_callback(tmp_path):
    code = """
    interrupt(1.0)
    count = []
    try:
        fempipe.solve(a, b, pc="none", rtol=1e-15, max_it=10**9, callback=lambda k, r: count.append(k))
    except KeyboardInterrupt:
        print("interrupted", len(count))
    """
    ends_in_keyboard_interrupt(code, tmp_path)


def test_ctrl_c_ends_generation_which_then_goes_on(tmp_path):
    code = """
    recipe = {"family": "poisson", "samples": 8000, "poisson": {"level": 5}}
    def interrupt_once_begun():
        while not os.path.isdir("d.h5.parts"):
            time.sleep(0.001)
        interrupt(0.05)
    threading.Thread(target=interrupt_once_begun, daemon=True).start()
    try:
        fempipe.generate(recipe, output="d.h5")
    except KeyboardInterrupt:
        print("interrupted", len(os.listdir("d.h5.parts")))
    """
    ends_in_keyboard_interrupt(code, tmp_path)
    parts = list((tmp_path / "d.h5.parts").iterdir())
    assert parts and not (tmp_path / "d.h5").exists()


def test_ctrl_c_ends_an_evaluation(tmp_path, workshop):
    code = f"""
    interrupt(1.0)
    rows = [{{"ksp": "cg", "pc": "none"}} for _ in range(3000)]
    rows = [{{"ksp": "cg", "pc": "none", "label": str(k)}} for k in range(3000)]
    try:
        fempipe.evaluate({{"data": [{str(workshop / "darcy.h5")!r}], "row": rows, "condition_samples": 0}})
    except KeyboardInterrupt:
        print("interrupted")
    """
    ends_in_keyboard_interrupt(code, tmp_path)


def test_an_interrupted_process_without_a_handler_is_python_s_own(tmp_path):
    code = """
    signal.signal(signal.SIGINT, lambda *_: print("interrupted, and went on"))
    interrupt(0.3)
    x, outcome = fempipe.solve(a, b, pc="none", rtol=1e-15, max_it=300)
    assert outcome.reason == "DIVERGED_ITS" and outcome.iterations == 300
    """
    ends_in_keyboard_interrupt(code, tmp_path)


def test_beside_h5py(darcy):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed here (.ci/wheel installs it)")
    with h5py.File(darcy.path) as file:
        assert np.array_equal(file["systems/rhs"][3], darcy[3].b)
        assert np.array_equal(file["systems/fields/w"][3], darcy[3].fields["w"].ravel())


def test_the_command_line_comes_along(tmp_path):
    run = lambda *args: subprocess.run(  # noqa: E731
        [sys.executable, "-m", "fempipe", *args], capture_output=True, text=True, cwd=tmp_path
    )
    assert run("--version").stdout.strip() == f"fempipe {fempipe.__version__}"
    wrong = run("inspect", "nowhere.h5")
    assert wrong.returncode == 1 and "nowhere.h5" in wrong.stderr
    assert run("frobnicate").returncode == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
