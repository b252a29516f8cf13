//! The tables of preconditioners and methods: what entries say holds.

use fempipe::entry::Registry;
use fempipe::linalg::Props;
use fempipe::linalg::op::Identity;
use fempipe::precond::{self, Spec};
use fempipe::solver::{self, Method, Need, Quiet, Stop, Workspace};

use crate::systems::poisson;

/// Every member of a table that comes with fempipe: those named in `parameters` with the texts there, the others with
/// their defaults.
pub fn members<T: ?Sized>(
    table: &'static Registry<T>,
    parameters: &[(&str, &[&'static str])],
) -> impl Iterator<Item = &'static str> {
    let names = table.shipped().iter().map(|entry| entry.name);
    names.flat_map(|name| {
        let given = parameters.iter().find(|(known, _)| *known == name);
        given.map_or(vec![name], |(_, texts)| texts.to_vec())
    })
}

#[test]
fn numbers_and_depths_beyond_all_use_are_answered() {
    let nested = |depth: usize| format!("{}icc{}", "bjacobi(2, inner = ".repeat(depth), ")".repeat(depth));
    assert!(nested(30).parse::<Spec>().is_ok());
    let message = nested(100_000).parse::<Spec>().unwrap_err().to_string();
    assert_eq!(message, "preconditioner nested more than 32 deep");
    let a = poisson(6);
    for text in ["asm(4, overlap = 9223372036854775807, inner = icc)", "fsai(99999999999)"] {
        assert!(text.parse::<Spec>().unwrap_err().to_string().contains("must be from"), "{text}");
    }
    assert!("fcg(99999999999999)".parse::<Method>().is_err());
    let (mut x, b) = (vec![0.0; 36], vec![1.0; 36]);
    let method: Method = "gcrodr(1000000000000, 5)".parse().unwrap();
    let (a, stop) = (a.promised(Props::SPD), Stop::rtol(1e-8));
    let done = method.solve(&mut Workspace::default(), &a, &Identity(36), &b, &mut x, &stop, &mut Quiet);
    assert!(done.unwrap().converged());
}

#[test]
fn every_preconditioner_keeps_what_it_promises_for_spd_matrices() {
    let a = poisson(6);
    for name in members(&precond::ENTRIES, &[]) {
        let spec: Spec = name.parse().unwrap();
        assert_eq!(spec.build(&a).unwrap().op.props(), spec.props(), "{name}");
    }
    for (text, props) in [
        ("icc(0, shift = none)", Props::SYMMETRIC),
        ("bjacobi(3, inner = icc)", Props::SPD),
        ("asm(3, inner = icc)", Props::GENERAL),
        ("asm(3, restricted = false, inner = bjacobi(2, inner = ict(0.02)))", Props::SPD),
        ("sine(3, one-level = asm(2, restricted = false, inner = amg))", Props::SPD),
        ("sine(3, one-level = ilu)", Props::GENERAL),
    ] {
        assert_eq!(text.parse::<Spec>().unwrap().props(), props, "{text}");
    }
    let direct = members(&precond::ENTRIES, &[]).filter(|n| n.parse::<Spec>().unwrap().is_direct());
    assert_eq!(direct.collect::<Vec<_>>(), ["cholesky", "ldlt", "lu"]);
}

#[test]
fn what_methods_say_they_need_is_what_they_refuse_by() {
    for name in members(&solver::ENTRIES, &[]) {
        let method: Method = name.parse().unwrap();
        let needs = method.requirements();
        let words = match (needs.matrix.words(), needs.preconditioner.words()) {
            ("", "") => String::new(),
            (a, "") => format!("A {a}"),
            (a, m) if a == m => format!("A and M {a}"),
            (a, m) => format!("A {a}, M {m}"),
        };
        assert_eq!(method.entry().needs, words, "{name}");
    }
    let of = |name: &str| name.parse::<Method>().unwrap().requirements().preconditioner;
    assert_eq!((of("cg"), of("minres"), of("fcg"), of("gmres")), (Need::Spd, Need::Spd, Need::Nothing, Need::Linear));
}

#[test]
fn labels_stay_and_what_is_written_is_read() {
    for (text, label) in [
        ("jacobi", "jacobi"),
        ("jacobi(0.5)", "jacobi(0.5)"),
        ("sor(1, 3)", "sor(1, sweeps = 3)"),
        ("ssor", "ssor(1)"),
        ("icc", "icc(0)"),
        ("icc(1, shift = none)", "icc(1, shift = none)"),
        ("ilu(0, shift = nonzero)", "ilu(0)"),
        ("ict", "ict(0.001)"),
        ("icc(1, storage = f32)", "icc(1, storage = f32)"),
        ("mict", "mict(0.02)"),
        ("mict(0.1, 5, relaxation = 0.99)", "mict(0.1, fill = 5, relaxation = 0.99)"),
        ("dic(0.99)", "dic(0.99)"),
        ("mic(relaxation = 0.99)", "mic(0, relaxation = 0.99)"),
        ("ilut(0.1, 5)", "ilut(0.1, fill = 5)"),
        ("fsai", "fsai(1)"),
        ("bjacobi", "bjacobi(8, inner = ilu(0))"),
        ("bjacobi(8, inner = ict(0.02))", "bjacobi(8, inner = ict(0.02))"),
        ("asm", "asm(8, overlap = 1, inner = ilu(0))"),
        (
            "asm(4, 2, restricted = false, inner = bjacobi(2, inner = icc))",
            "asm(4, overlap = 2, restricted = false, inner = bjacobi(2, inner = icc(0)))",
        ),
        ("amg", "amg"),
        ("amg(0.1)", "amg(0.1)"),
        ("amg(smoothing = half)", "amg(0, smoothing = half)"),
        ("sine", "sine(20, one-level = none)"),
        ("sine(20, icc(1, shift = none))", "sine(20, one-level = icc(1, shift = none))"),
        ("fast-poisson", "fast-poisson"),
    ] {
        let spec: Spec = text.parse().unwrap();
        assert_eq!(spec.to_string(), label);
        assert_eq!(label.parse::<Spec>().unwrap(), spec, "{label}");
        // In full, as files keep it.
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&json).unwrap(), spec, "{json}");
    }
    for (text, label) in [
        ("gmres(5, side = left)", "gmres(5, side = left)"),
        ("gmres", "gmres(30)"),
        ("gcrodr", "gcrodr(30, 10)"),
        ("fcg", "fcg(30)"),
        ("richardson(omega = 0.7)", "richardson(0.7)"),
        ("chebyshev", "chebyshev"),
        ("chebyshev(1)", "chebyshev(min = 1)"),
        ("chebyshev(max = 2)", "chebyshev(max = 2)"),
        ("chebyshev(1, 2)", "chebyshev(1, 2)"),
    ] {
        let method: Method = text.parse().unwrap();
        assert_eq!(method.to_string(), label);
        let json = serde_json::to_string(&method).unwrap();
        assert_eq!(serde_json::from_str::<Method>(&json).unwrap(), method, "{json}");
    }
    assert_eq!(
        serde_json::to_string(&"icc".parse::<Spec>().unwrap()).unwrap(),
        "\"icc(0, shift = best, storage = f64)\""
    );
}

#[test]
fn nested_tables_are_read() {
    let table = r#"{ "type": "asm", "blocks": 4, "inner": { "type": "bjacobi", "blocks": 2, "inner": "icc" } }"#;
    let spec: Spec = serde_json::from_str(table).unwrap();
    assert_eq!(spec.to_string(), "asm(4, overlap = 1, inner = bjacobi(2, inner = icc(0)))");
    let message = "asm(inner = bjacobi(inner = icc(level = 1)))".parse::<Spec>().unwrap_err().to_string();
    assert!(message.contains("unknown field `level`"), "{message}");
    let message = serde_json::from_str::<Spec>(r#"{ "blocks": 4 }"#).unwrap_err().to_string();
    assert!(message.contains("needs a type"), "{message}");
}
