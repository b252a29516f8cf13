//! Finite elements: degrees of freedom, assembly into a pattern made once per mesh, quadrature, error norms.
//!
//! The kernels that run once per sample are our own: [`p1`] where the mesh itself moves from sample to sample,
//! [`space`] → [`integrals`] → [`assembler`] where only coefficients change, [`plate`] for the fourth order; elements,
//! quadrature rules and error norms come from fenris ([`quadrature`], [`norms`]), whose assembler is also the
//! independent oracle in the tests ([`oracle`]).

pub mod assembler;
pub mod beam;
pub mod cube;
pub mod difference;
pub mod dofs;
pub mod integrals;
pub mod norms;
pub mod oracle;
pub mod p1;
pub mod plate;
pub mod quadrature;
pub mod shape;
pub mod space;
