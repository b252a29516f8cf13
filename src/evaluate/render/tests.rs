//! Every place shows the columns that are marked for it, and what it shows is what was measured.

use super::page::Page;
use super::{charts, comparisons, console, csv as files, json, report, tables};
use crate::evaluate::analysis::{Against, Analysis, Comparison, Quantity};
use crate::evaluate::columns::{self, Column, Place, Shown};
use crate::evaluate::condition::Condition;
use crate::evaluate::measure::Solve;
use crate::evaluate::row::Row;
use crate::evaluate::sample::{results, solve};
use crate::evaluate::summary::{summarize, verdicts};
use crate::evaluate::sweep::Results;
use crate::evaluate::trained::{Distribution, Trained};
use crate::solver::Method;

/// Headings of a place, as the table of columns has them.
fn headings(place: Place) -> Vec<String> {
    columns::shown(place).map(|(column, s)| s.heading(column)).collect()
}

/// Results in which every optional column has a value.
fn full() -> Results {
    let mut results = results();
    results.recipe.rows[1] = Row { label: "network".into(), ..Row::learned(Method::cg(), "run".into()) };
    results.datasets[0].kappa = vec![30.0];
    results.datasets[0].seen_in_training = vec![0, 2, 0];
    results.datasets[0].leaks =
        ["", "2 of 3 systems were drawn with the seed and index of its own", ""].map(String::from).to_vec();
    results.datasets[0].kappa_after =
        vec![vec![Condition { kappa: 3.0, spectral: false, contraction: Some(0.5), spectrum: vec![1.0, 3.0] }]; 3];
    results.datasets[0].spectrum = vec![0.1, 1.0, 2.0];
    let trained = Trained {
        steps: 7,
        data: "p".into(),
        own_data: true,
        distribution: Distribution::Other,
        training_seconds: 2.0,
        untrained_is_best: true,
        ..Trained::default()
    };
    results.datasets[0].trained = vec![None, Some(trained), None];
    for s in &mut results.solves {
        s.relative_error = Some(1e-7);
        s.label_cosine = Some(0.5 + 0.1 * s.sample as f64);
        s.inference_seconds = 5e-4;
        s.setup_iterations = 1;
        s.guess_error = Some(0.25);
        s.spread = Some(0.125);
        s.direct = s.row != 1;
        s.guess_mean_error = Some(0.125);
        // Both rows converge that the change against zero is of; the last one has a failure to tell of.
        s.converged = s.row < 2 || s.sample > 0;
    }
    results
}

/// Fields of CSV text, the head first.
fn records(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let record = |r: Result<csv::StringRecord, csv::Error>| r.unwrap().iter().map(String::from).collect();
    reader.records().map(record).collect()
}

/// The report.
fn page_of(results: &Results) -> String {
    let rows = summarize(results);
    let (verdicts, analysis) = (verdicts(results, &rows), Analysis::of(results));
    let page = Page { results, rows: &rows, verdicts: &verdicts, analysis: &analysis };
    report::page(&page, &charts::figures(&page), "")
}

/// The table of all rows in a report.
fn table_of(page: &str) -> &str {
    page.split("id=\"rows\"").nth(1).unwrap().split("</table>").next().unwrap()
}

/// Its headings.
fn heads_of(page: &str) -> Vec<String> {
    let heads = table_of(page).split("<button type=\"button\">").skip(1);
    heads.map(|rest| rest.split("</button>").next().unwrap().to_string()).collect()
}

/// What tells rows apart, and is left out where all have the same.
const LABELS: [&str; 3] = ["dataset", "n", "tolerance"];

#[test]
fn every_place_has_its_columns_and_no_others() {
    let mut results = full();
    // One more setting of the first method, which was not measured.
    results.recipe.rows.push(Row { filter: 0.5, ..Row::classical(Method::cg(), "none") });
    let rows = summarize(&results);
    let verdicts = verdicts(&results, &rows);
    assert_eq!(records(&files::results(&results).unwrap())[0], headings(Place::ResultsCsv));
    assert_eq!(records(&files::summary(&rows).unwrap())[0], headings(Place::SummaryCsv));

    let json = json::json(&results, &rows, &verdicts);
    let mut keys = headings(Place::SummaryJson);
    let described = json["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap());
    assert_eq!(described.collect::<Vec<_>>(), keys);
    keys.sort();
    assert_eq!(json["cells"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>(), keys);

    let text = console::console(&results, &rows, &verdicts);
    let head = text.lines().nth(1).unwrap();
    let heads: Vec<&str> = head.split("  ").map(str::trim).filter(|h| !h.is_empty()).collect();
    assert_eq!(heads, headings(Place::Console));
    for (column, s) in columns::shown(Place::Note) {
        let notes: Vec<String> = rows.iter().filter_map(|row| s.of_row(column, row)).collect();
        assert!(
            !notes.is_empty() && notes.iter().all(|note| text.contains(note)),
            "{}: {notes:?} in\n{text}",
            column.name
        );
    }

    let page = page_of(&results);
    let mut wanted: Vec<String> = headings(Place::Html).into_iter().filter(|h| !LABELS.contains(&h.as_str())).collect();
    wanted.sort_by_key(|h| h != "method");
    assert_eq!(heads_of(&page), wanted);
    assert_eq!(table_of(&page).matches("<td").count(), 3 * wanted.len());
    for place in [Place::ResultsCsv, Place::SummaryCsv, Place::SummaryJson, Place::Html] {
        let mut all = headings(place);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), headings(place).len(), "{place:?} has a heading twice");
    }
}

#[test]
fn columns_that_no_row_has_are_left_out_of_the_report() {
    let results = results();
    let page = page_of(&results);
    let optional = |(column, s): (&Column, &Shown)| s.optional.then(|| s.heading(column));
    let optional: Vec<String> = columns::shown(Place::Html).filter_map(|(c, s)| optional((c, s))).collect();
    assert!(optional.contains(&"label cosine, mean".to_string()), "{optional:?}");
    let heads = heads_of(&page);
    assert!(optional.iter().all(|h| !heads.contains(h)), "{heads:?}");
    assert_eq!(heads.len() + optional.len() + LABELS.len(), headings(Place::Html).len());
    assert_eq!(heads[0], "method");
    // Two tolerances are told apart.
    let mut two = results;
    two.recipe.rtol.push(1e-8);
    let again: Vec<_> = two.solves.iter().cloned().map(|s| Solve { target: two.recipe.targets()[1], ..s }).collect();
    two.solves.extend(again);
    assert!(heads_of(&page_of(&two)).contains(&"tolerance".to_string()));
}

#[test]
fn csv_read_back_equals_the_solves() {
    let results = full();
    let lines = records(&files::results(&results).unwrap());
    let at = |name: &str| lines[0].iter().position(|h| h == name).unwrap();
    assert_eq!(lines.len(), 1 + results.solves.len());
    for (line, s) in lines[1..].iter().zip(&results.solves) {
        let text = |name: &str| line[at(name)].as_str();
        let number = |name: &str| text(name).parse::<f64>().unwrap();
        assert_eq!(text("row"), results.recipe.rows[s.row].name());
        assert_eq!((text("reason"), text("note")), (s.reason.as_str(), s.note.as_deref().unwrap()));
        assert_eq!((text("kind"), text("measure")), (if s.row == 1 { "learned" } else { "classical" }, "residual"));
        assert_eq!(text("converged"), s.converged.to_string());
        assert_eq!((number("n"), number("sample")), (s.n as f64, s.sample as f64));
        assert_eq!((number("rtol"), number("iterations")), (s.target.rtol, s.iterations as f64));
        assert_eq!((number("setup_seconds"), number("solve_seconds")), (s.setup_seconds, s.solve_seconds));
        assert_eq!(number("relative_residual"), s.relative_residual);
        assert_eq!(Some(number("relative_error")), s.relative_error);
        assert_eq!(Some(number("guess_error")), s.guess_error);
        assert_eq!(Some(number("guess_mean_error")), s.guess_mean_error);
        assert!((number("label_cosine") - s.label_cosine.unwrap()).abs() <= 5e-7);
        assert_eq!(number("pc_nnz"), s.pc_nnz as f64);
    }
}

#[test]
fn files_keep_the_columns_that_they_had() {
    let results = results();
    let rows = summarize(&results);
    let head = files::results(&results).unwrap();
    assert!(
        head.starts_with(
            "dataset,family,n,sample,row,kind,ksp,rtol,converged,reason,iterations,setup_seconds,solve_seconds,\
             relative_residual,relative_error,guess_error,guess_mean_error,label_cosine,pc_nnz,note,measure"
        ),
        "{head}"
    );
    let head = files::summary(&rows).unwrap();
    assert!(
        head.starts_with(
            "dataset,n,row,kind,rtol,solves,failures,iterations_mean,iterations_q1,iterations_median,iterations_q3,\
             iterations_worst,setup_seconds_median,solve_seconds_median,total_seconds_median,fill,worst_residual,\
             kappa_before,kappa_after,kappa_after_by,contraction,measure"
        ),
        "{head}"
    );
    let json = serde_json::to_value(&rows[0]).unwrap();
    for key in [
        "dataset",
        "row",
        "rtol",
        "measure",
        "label",
        "kind",
        "solves",
        "failures",
        "iterations",
        "setup",
        "solve",
        "total",
        "guess_error",
        "guess_mean_error",
        "label_cosine",
        "worst_residual",
        "fill",
        "kappa_before",
        "kappa_after",
        "spectral",
        "contraction",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["iterations"]["median"], 20.0);
    assert_eq!((&json["solves"], &json["kappa_after"]), (&3.into(), &serde_json::Value::Null));
}

#[test]
fn winners_failures_and_guesses_are_told() {
    let mut results = results();
    let rows = summarize(&results);
    let verdicts = verdicts(&results, &rows);
    let text = console::console(&results, &rows, &verdicts);
    let row = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap();
    assert!(text.starts_with("p (n = 9, 3 systems, rtol 1.5e-5)\n"), "{text}");
    assert!(row("  cg + none").contains("1 of 3") && row("  cg + none").contains(">= 3343.3"), "{text}");
    assert!(row("  cg + none").contains(">= 3.000") && !row("  cg + icc").contains(">="), "{text}");
    let legend = text.lines().find(|l| l.starts_with(">= with failures: ")).unwrap();
    assert!(legend.contains("counts with the 10000 iterations that were allowed and with"), "{legend}");
    assert!(row("  cg + icc").contains("5.0 *") && !row("  cg + none").contains('*'), "{text}");
    assert!(row("  cg + cholesky").contains("1.000 *"), "{text}");
    let page = page_of(&results);
    assert!(page.contains("<title>a &amp; b</title>") && page.contains("<td class=\"failed\">1 of 3</td>"));
    assert!(page.contains("<td>≥ 3343.3</td>") && page.contains("≥: the row has failures; a solve that failed"));
    assert!(
        page.contains("<td class=\"best\">5.0</td>") && page.contains("<td class=\"best\">1.000 [1.000, 1.000]</td>")
    );
    results.interrupted = true;
    assert!(console::console(&results, &rows, &verdicts).starts_with("interrupted"));

    let rows = summarize(&full());
    let text = console::console(&full(), &rows, &verdicts);
    for line in [
        "guess of network: relative error mean 0.2500, median 0.2500, worst 0.2500; mean absolute error 1.250e-1",
        "network against cg from zero: -81.2 % iterations (mean)",
        "WARNING: network: 2 of 3 systems were drawn with the seed and index of its own",
        "network: out of its distribution, trained on p",
        "cg + none: a direct solver at this size: compared in time, not in iterations",
        "network: cosine with its target mean 0.6000, median 0.6000, worst 0.5000",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(text.contains("30.0 -> 3.0 (sigma)") && text.contains("0.5000"), "{text}");
}

#[test]
fn a_guess_is_compared_with_the_same_preconditioner_however_it_is_written() {
    let mut results = full();
    results.recipe.rows[0].pc = Some("icc".into());
    results.recipe.rows[1].pc = Some("icc(0)".into());
    let rows = summarize(&results);
    let text = console::console(&results, &rows, &verdicts(&results, &rows));
    let line = "network against cg + icc(0) from zero: -81.2 % iterations (mean)";
    assert!(text.contains(line), "{text}");
}

#[test]
fn the_verdict_is_that_of_the_comparisons() {
    // cg + none: 10 and 20 iterations and a failure in 3 ms each; the network: 4, 5 and 6 in 5 ms.
    let mut results = full();
    results.solves.iter_mut().for_each(|s| s.converged = s.row > 0 || s.sample < 2);
    let page = page_of(&results);
    let verdict = page.split("id=\"verdict\"").nth(1).unwrap().split("</article>").next().unwrap();
    let mut plain = String::new();
    let mut within = false;
    verdict.chars().for_each(|c| match c {
        '<' => within = true,
        '>' => within = false,
        c if !within => plain.push(c),
        _ => {}
    });
    for text in [
        "iterations: wins",
        "seconds: loses",
        "network wins in iterations: 5.0 iterations against 20.0 of cg + none, the classical row with the fewest: 0.25 \
         times as many [0.00, 0.40], fewer on 100 % of 3 systems [44, 100 %]; the other failed on 1.",
        // Cholesky takes 1 ms: the fastest has to be one without failures.
        "It loses in time: 5.000 ms against 1.000 of cg + cholesky, the fastest classical row: ",
        "5.00 times as long [5.00, 5.00], faster on 0 % of 3 systems [0, 56 %].",
        "No trivial row (a constant, its untrained start) stands beside it.",
        "2.0 s of training (data not known) never pay against cg + cholesky.",
    ] {
        assert!(plain.replace("  ", " ").contains(text), "{text}\nin {plain}");
    }
    assert!(page.contains("<p class=\"warning\">2 of 3 systems were drawn"), "leaks are told beside the verdict");
}

#[test]
fn a_run_that_was_chosen_among_seeds_is_told_as_such() {
    let mut results = results();
    let run = |seed, steps| {
        Some(Trained { model: "mlp".into(), seed: Some(seed), steps, recipe: "r".into(), ..Trained::default() })
    };
    for (r, name) in ["a", "b"].into_iter().enumerate() {
        results.recipe.rows[r] = Row::learned(Method::cg(), name.into());
    }
    // The starts of both, the one of the other seed with fewer iterations.
    for (name, its) in [("a start", 9), ("b start", 8)] {
        let r = results.recipe.rows.len();
        results.recipe.rows.push(Row { label: name.into(), ..Row::learned(Method::cg(), name.into()) });
        results.solves.extend((0..3).map(|s| solve(r, s, Some(its))));
    }
    results.datasets[0].trained = vec![run(1, 5), run(2, 5), None, run(1, 0), run(2, 0)];
    results.solves[2].converged = true;
    results.solves[2].iterations = 30;
    let page = page_of(&results);
    let text = "It is the fastest of 2 runs that differ in the training seed alone, chosen on these systems; their \
                medians: 5.0 to 20.0 iterations, 3.000 to 5.000 ms.";
    assert!(page.contains(text), "{page}");
    let own = |c: &&Comparison| (c.row, c.against, c.quantity) == (0, Against::Trivial, Quantity::Iterations);
    assert_eq!(Analysis::of(&results).comparisons.iter().find(own).unwrap().other, 3, "its own start");
}

#[test]
fn tables_for_texts_hold_the_numbers_of_the_report() {
    let results = full();
    let rows = summarize(&results);
    let (verdicts, analysis) = (verdicts(&results, &rows), Analysis::of(&results));
    let page = Page { results: &results, rows: &rows, verdicts: &verdicts, analysis: &analysis };
    let (markdown, latex) = (tables::markdown(&page), tables::latex(&page));
    assert!(markdown.contains("| network | 5 [4, 6] | 6 | 0 of 3 | 5.000 [5.000, 5.000] |"), "{markdown}");
    assert!(latex.contains("network & 5 [4, 6] & 6 & 0 of 3 &") && latex.contains("\\toprule"), "{latex}");
    assert_eq!(latex.matches("\\begin{table}").count(), latex.matches("\\end{table}").count());
    let lines = records(&comparisons::csv(&page).unwrap());
    assert_eq!(lines.len(), 1 + analysis.comparisons.len());
    assert_eq!(lines[0][..6], ["dataset", "rtol", "measure", "quantity", "against", "row"]);
    assert_eq!(lines[1][..6], ["p", "1.5e-5", "residual", "iterations", "classical", "network"]);
}

#[test]
fn charts_show_learned_rows_above_the_others_and_failures_as_such() {
    let mut results = full();
    results.solves[0].converged = false;
    let rows = summarize(&results);
    let (verdicts, analysis) = (verdicts(&results, &rows), Analysis::of(&results));
    let page = Page { results: &results, rows: &rows, verdicts: &verdicts, analysis: &analysis };
    let figures = charts::figures(&page);
    let names: Vec<&str> = figures.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["profile-iterations", "profile-seconds", "residuals-p", "tolerance-p", "time-p", "spectrum-p"]);
    for figure in &figures {
        let json: serde_json::Value = serde_json::from_str(&figure.chart.json()).unwrap();
        if let Some(series) = json["lines"]["series"].as_array() {
            let width = |s: &serde_json::Value| s["stroke"]["width"].as_f64().unwrap();
            let (network, others): (Vec<_>, Vec<_>) = series.iter().partition(|s| s["name"] == "network");
            assert!(others.iter().all(|s| width(s) < width(network[0])), "{}", figure.name);
        } else {
            let bars = json["bars"]["bars"].as_array().unwrap();
            assert_eq!((&bars[0]["failed"], &bars[1]["strong"]), (&true.into(), &true.into()));
            assert_eq!(bars[0]["label"], "≥ 3.000, 1 failed");
            // Inference 0.5 ms of a setup of 2 ms, and a solve of 3 ms.
            let parts: Vec<f64> = bars[1]["parts"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            assert!(parts.iter().zip([0.5, 1.5, 3.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{parts:?}");
        }
    }
}
