"""Opens the report of an evaluation in a headless Chromium: sorts, filters, zooms, compares its numbers with the CSV.

python report.py DIRECTORY [--photographs DIRECTORY]
"""

import argparse
import csv
import os

import browser

WIDTHS = (1280, 400)


def lines(directory, name):
    with open(os.path.join(directory, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def shown(value, scale, digits):
    value = float(value)
    return "∞" if value == float("inf") else f"{scale * value:.{digits}f}"


def verdict_equals_csv(page, directory):
    """Every number of the verdict is that of comparisons.csv; returns how many there are."""
    table = lines(directory, "comparisons.csv")
    numbers = page.ask("""[...document.querySelectorAll('#verdict article')].flatMap(a =>
        [...a.querySelectorAll('[data-column]')].map(b => ({...a.dataset, ...b.dataset, text: b.textContent})))""")
    for n in numbers:
        where = {k: n[k] for k in ("dataset", "rtol", "measure", "row", "against", "quantity")}
        found = [line for line in table if all(line[k] == v for k, v in where.items())]
        assert len(found) == 1, (where, found)
        wanted = shown(found[0][n["column"]], float(n["scale"]), int(n["digits"]))
        # The last digit may be rounded either way where a number lies in the middle.
        close = n["text"] == wanted or abs(float(n["text"]) - float(wanted)) <= 1.001 * 10.0 ** -int(n["digits"])
        assert close, (n, wanted)
    return len(numbers)


def table_equals_csv(page, directory):
    """Median iterations of the table are those of summary.csv, row by row."""
    table = lines(directory, "summary.csv")
    rows = page.ask("""(() => {
        const heads = [...document.querySelectorAll('#rows thead th')].map(h => h.textContent);
        const column = heads.indexOf('median it [95 %]');
        return [...document.querySelectorAll('#rows tbody tr')].map(
            r => ({...r.dataset, text: r.cells[column].textContent}));
    })()""")
    assert len(rows) == len(table) > 0
    for row in rows:
        keys = ("dataset", "rtol", "measure", "row")
        found = [line for line in table if all(line[k] == row[k] for k in keys)]
        assert len(found) == 1, (row, found)
        wanted = shown(found[0]["iterations_median"], 1, 1)
        assert row["text"].removeprefix("≥ ").split(" ")[0] == wanted, (row, wanted)


def sorts(page):
    first = "[...document.querySelectorAll('#rows thead button')]"
    column = page.ask(f"{first}.findIndex(b => b.textContent === 'mean it')")
    numbers = """[...document.querySelectorAll('#rows tbody tr')].map(r =>
        Number(r.cells[%d].textContent.replace('≥ ', '')))""" % column
    for direction, reverse in (("ascending", False), ("descending", True)):
        page.click(f"{first}[{column}]")
        got = page.ask(numbers)
        assert got == sorted(got, reverse=reverse), (direction, got)
        state = page.ask(f"{first}[{column}].closest('th').getAttribute('aria-sort')")
        assert state == direction, state


def every_heading_sorts(page):
    """Each table keeps its rows under a click on each heading, and says which way it is sorted."""
    wrong = page.ask("""[...document.querySelectorAll('#rows, table.sortable')].flatMap(table => {
        const rows = () => [...table.tBodies[0].rows], before = new Set(rows());
        return [...table.tHead.rows[0].cells].flatMap(head => ['ascending', 'descending'].flatMap(way => {
            head.querySelector('button').click();
            const kept = rows().length === before.size && rows().every(row => before.has(row));
            return kept && head.getAttribute('aria-sort') === way && head.textContent ? [] : [head.textContent];
        }));
    })""")
    assert wrong == [], wrong


def filters(page):
    visible = "[...document.querySelectorAll('#rows tbody tr')].filter(r => r.offsetHeight > 0).length"
    kinds = "document.querySelector('select[data-filter=kind]')"
    before = page.ask(visible)
    page.ask(f"({kinds}.value = 'learned', {kinds}.dispatchEvent(new Event('change')), 1)")
    learned = page.ask(visible)
    wanted = page.ask("document.querySelectorAll('#rows tbody tr[data-kind=learned]').length")
    assert 0 < learned == wanted < before, (learned, wanted, before)
    page.click("document.getElementById('filter')")
    page.call("Input.insertText", text="no such row")
    assert page.ask(visible) == 0
    page.ask(f"(document.getElementById('filter').value = '', {kinds}.value = '',"
             f" {kinds}.dispatchEvent(new Event('change')), 1)")
    assert page.ask(visible) == before


def charts(page):
    """Every chart is drawn; the first one of lines is zoomed, has a tooltip, and comes back."""
    count, drawn = page.ask("""[document.querySelectorAll('figure[data-chart]').length,
        document.querySelectorAll('figure[data-drawn=true] svg').length > 0 &&
        [...document.querySelectorAll('figure[data-chart]')].every(f => f.dataset.drawn === 'true')]""")
    assert count > 3 and drawn, (count, drawn)
    figure = "document.querySelector('figure[data-chart]:has(polyline)')"
    labels = f"[...{figure}.querySelectorAll('.plot text')].map(t => t.textContent).join()"
    frame = f"{figure}.querySelector('.frame')"
    page.middle(frame)
    x, y, width, height = page.ask(f"(() => {{ const b = {frame}.getBoundingClientRect();"
                                   " return [b.x, b.y, b.width, b.height]; })()")
    tip = f"{figure}.querySelector('.tip')"
    told = None
    for part in [k / 20 for k in range(1, 20)]:
        page.mouse("mouseMoved", x + part * width, y + 0.5 * height)
        if not page.ask(f"{tip}.hidden"):
            told = page.ask(f"{tip}.textContent")
            break
    assert told and "\n" in told, "no tooltip"
    before = page.ask(labels)
    page.drag((x + 0.2 * width, y + 0.2 * height), (x + 0.6 * width, y + 0.7 * height))
    assert page.ask(f"{figure}.dataset.zoomed") == "true" and page.ask(labels) != before
    page.click(frame, clicks=2)
    assert page.ask(f"{figure}.dataset.zoomed") == "false" and page.ask(labels) == before
    names = f"{figure}.querySelector('.legend button')"
    lines_ = f"{figure}.querySelectorAll('g[data-series]').length"
    all_lines = page.ask(lines_)
    page.click(names)
    assert page.ask(lines_) == all_lines - 1
    page.click(names)
    assert page.ask(lines_) == all_lines
    bold = page.ask("document.querySelectorAll('.legend button.strong').length")
    assert bold > 0, "no learned row stands out"


def layout(page, width):
    """Nothing but what scrolls by itself is wider than the window; the method stays in sight."""
    wide = page.ask("document.documentElement.scrollWidth")
    assert wide <= width, f"the page is {wide} pixels wide in a window of {width}"
    pinned = page.ask("""(() => {
        const box = document.querySelector('#table .wide');
        box.scrollLeft = 1e6;
        const moved = box.scrollLeft;
        const cell = document.querySelector('#rows tbody td').getBoundingClientRect().x;
        box.scrollLeft = 0;
        return [moved, Math.abs(cell - box.getBoundingClientRect().x) < 3];
    })()""")
    assert pinned[1] and (width > 600 or pinned[0] > 0), pinned
    empty = page.ask("""[...document.querySelectorAll('#rows thead th')].filter((h, k) =>
        [...document.querySelectorAll('#rows tbody tr')].every(r => r.cells[k].textContent === '–'))
        .map(h => h.textContent)""")
    assert empty == [], f"columns without anything in them: {empty}"
    outside = page.ask("performance.getEntriesByType('resource').map(e => e.name)")
    assert outside == [], f"not self-contained: {outside}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--photographs")
    args = parser.parse_args()
    chromium = browser.required()
    report = os.path.join(args.directory, "report.html")
    numbers = 0
    for width in WIDTHS:
        page = browser.Browser(chromium)
        try:
            page.size(width, 900)
            seconds = page.open(report)
            page.ask("new Promise(done => setTimeout(done, 200))")
            if args.photographs:
                page.photograph(os.path.join(args.photographs, f"report-{width}.png"), whole=True)
            numbers = verdict_equals_csv(page, args.directory)
            table_equals_csv(page, args.directory)
            sorts(page)
            every_heading_sorts(page)
            filters(page)
            charts(page)
            layout(page, width)
            if args.photographs:
                page.ask("window.scrollTo(0, 0)")
                page.photograph(os.path.join(args.photographs, f"top-{width}.png"))
            assert page.errors == [], page.errors
        finally:
            page.close()
        print(f"{width} pixels: loaded in {seconds:.2f} s, {numbers} numbers of the verdict equal comparisons.csv")
    assert numbers > 0, "a verdict without numbers"


main()
