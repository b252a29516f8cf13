"""Opens two pages of a training run whose process was killed, one just written and one long ago.

python news.py YOUNG.html OLD.html
"""

import argparse
import time

import browser

NEWS = "(() => document.getElementById('news').textContent)()"


def says(page, file, words):
    """Waits for the words on a page."""
    page.open(file)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            said = page.ask(NEWS)
        except RuntimeError:
            # It is being loaded.
            said = ""
        if said.startswith(words):
            return said
        time.sleep(0.2)
    raise AssertionError(f"{file} says {said!r}, not {words!r}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("young")
    parser.add_argument("old")
    args = parser.parse_args()
    chromium = browser.required()
    page = browser.Browser(chromium)
    try:
        page.size(1280, 900)
        said = says(page, args.young, "written ")
        time.sleep(2)
        assert page.ask(NEWS) == said, page.ask(NEWS)
        said = says(page, args.old, "No news since ")
        assert "3 hours ago" in said, said
        assert page.errors == [], page.errors
    finally:
        page.close()
    print(said)


main()
