//! Gaussian random fields against NumPy's FFT, written down as Li et al. write them.

use fempipe::field::gaussian::{Gaussian, Spectrum, Workspace};
use rustfft::num_complex::Complex;

use crate::python::relative_difference;

const NUMPY: &str = r#"
import json, sys
try:
    import numpy as np
except ImportError:
    print("skip"); sys.exit()
d = json.load(sys.stdin)
n, alpha, tau = d["n"], d["alpha"], d["tau"]
z = (np.array(d["re"]) + 1j * np.array(d["im"])).reshape(n, n)
k = np.fft.fftfreq(n, 1 / n)
kx, ky = np.meshgrid(k, k)
sigma = tau ** (0.5 * (2 * alpha - 2))
amplitude = n**2 * np.sqrt(2) * sigma * (4 * np.pi**2 * (kx**2 + ky**2) + tau**2) ** (-alpha / 2)
amplitude[0, 0] = 0
g = np.fft.ifft2(amplitude * z).real
print(abs(g.ravel() - np.array(d["field"])).max() / abs(g).max())
"#;

#[test]
fn fields_agree_with_numpy() {
    for (n, alpha, tau) in [(16, 2.0, 3.0), (25, 2.5, 7.0), (62, 2.0, 3.0)] {
        let gaussian = Gaussian::new(n, 2, Spectrum { alpha, tau }).unwrap();
        let normals: Vec<Complex<f64>> =
            (0..n * n).map(|k| Complex::new((1.3 * k as f64).sin(), (0.7 * k as f64 * k as f64).cos())).collect();
        let (mut ws, mut field) = (Workspace::default(), Vec::new());
        gaussian.of_normals(&normals, &mut ws, &mut field);
        let input = serde_json::json!({
            "n": n, "alpha": alpha, "tau": tau, "field": field,
            "re": normals.iter().map(|z| z.re).collect::<Vec<_>>(),
            "im": normals.iter().map(|z| z.im).collect::<Vec<_>>(),
        });
        if let Some(difference) = relative_difference(NUMPY, &input) {
            assert!(difference < 1e-12, "n = {n}: {difference}");
        }
    }
}
