//! Solve loops allocate nothing, and a workspace serves many solves.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fempipe::linalg::op::Props;
use fempipe::precond::Spec;
use fempipe::solver::{self, Method, Quiet, Stop, Workspace};

use crate::systems::{poisson, random_vector};
use crate::tables::members;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting the calls of each thread.
struct Counting;

fn count() {
    // A thread that is ending has no counter any more, and nobody who asks for it.
    let _ = COUNT.try_with(|c| c.set(c.get() + 1));
}

// SAFETY: every call goes to `System` unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(p, layout) }
    }
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(p, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Parameters that let methods restart within six iterations; `gcrodr` allocates where it computes a new subspace.
const PARAMETERS: [(&str, &[&str]); 6] = [
    ("richardson", &["richardson(0.1)"]),
    ("chebyshev", &["chebyshev(0.01, 10)"]),
    ("fcg", &["fcg(4)"]),
    ("gmres", &["gmres(5)", "gmres(5, side = left)"]),
    ("fgmres", &["fgmres(5)"]),
    ("gcrodr", &[]),
];

#[test]
fn iterations_allocate_nothing() {
    let a = poisson(20);
    let spd = a.promised(Props::SPD);
    let b = random_vector(400, 100);
    for pc in
        ["none", "jacobi", "ssor", "icc", "ict", "fsai", "asm(3, restricted = false, inner = icc)", "cholesky", "amg"]
    {
        let built = pc.parse::<Spec>().unwrap().build(&a).unwrap();
        for method in members(&solver::ENTRIES, &PARAMETERS) {
            let parsed: Method = method.parse().unwrap();
            let mut ws = Workspace::default();
            let mut x = vec![0.0; 400];
            let mut run = |max_it: usize| {
                let stop = Stop { rtol: 0.0, max_it, ..Stop::default() };
                x.fill(0.0);
                let before = COUNT.get();
                let out = parsed.solve(&mut ws, &spd, &*built.op, &b, &mut x, &stop, &mut Quiet).unwrap();
                (COUNT.get() - before, out.iterations)
            };
            run(6);
            let (few, few_its) = run(3);
            let (many, many_its) = run(6);
            assert!(few_its <= 3 && many_its <= 6 && few > 0, "{method} {pc}: the history is allocated once");
            assert_eq!(few, many, "{method} {pc}: {few_its} and {many_its} iterations");
            assert!(many <= 3, "{method} {pc}: {many} allocations");
        }
    }
}
