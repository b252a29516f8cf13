"""Follows the page of a training run in a headless Chromium, interrupts the run, and sees the page come to rest.

python live.py RUN_DIRECTORY PROCESS [--photograph FILE]
"""

import argparse
import os
import signal
import time

import browser

STATE = """(() => ({state: document.body.dataset.state, loaded: performance.timeOrigin,
    epoch: Number(document.querySelector('p.note').textContent.match(/epoch (\\d+)/)[1]),
    drawn: document.querySelectorAll('figure[data-drawn=true]').length}))()"""


def ask(page):
    """What the page says; None while it is being loaded."""
    try:
        return page.ask(STATE)
    except RuntimeError:
        return None


def wait(page, seconds, fits, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        said = ask(page)
        if said and fits(said):
            return said
        time.sleep(0.2)
    raise AssertionError(f"{what} did not come within {seconds} s; the page says {said}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("process", type=int)
    parser.add_argument("--photograph")
    args = parser.parse_args()
    chromium = browser.required()
    page = browser.Browser(chromium)
    try:
        page.size(1280, 900)
        page.open(os.path.join(args.run, "plot.html"))
        first = wait(page, 60, lambda s: s["state"] == "training" and s["epoch"] > 0 and s["drawn"] == 4, "an epoch")
        later = wait(page, 60, lambda s: s["epoch"] > first["epoch"] and s["drawn"] == 4, "a later epoch")
        assert later["loaded"] > first["loaded"], (first, later)
        if args.photograph:
            page.photograph(args.photograph, whole=True)
        os.kill(args.process, signal.SIGINT)
        ended = wait(page, 60, lambda s: s["state"] == "ended", "the end")
        assert ended["epoch"] >= later["epoch"], (later, ended)
        assert "interrupted" in page.ask("document.title"), page.ask("document.title")
        time.sleep(5)
        assert ask(page)["loaded"] == ended["loaded"], "it goes on loading itself"
        assert page.errors == [], page.errors
    finally:
        page.close()
    print(f"epoch {first['epoch']}, then {later['epoch']}, at rest at {ended['epoch']}")


main()
