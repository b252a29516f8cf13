//! Values as pixels: what would be many thousand polygons, in a few kilobytes.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::SIDE;
use super::colour::{Scale, rgb};

/// Pixels along a side.
const PIXELS: usize = 480;

/// Colours; 0 is none at all.
const COLOURS: usize = 255;

/// A square picture of [`SIDE`] in pixels of [`COLOURS`] colours.
pub struct Raster {
    pixels: Vec<u8>,
}

impl Raster {
    /// Nothing in it.
    pub fn new() -> Self {
        Raster { pixels: vec![0; PIXELS * PIXELS] }
    }

    /// A linear function on a triangle, whose corners are places in the picture, y downwards.
    pub fn triangle(&mut self, corners: [[f64; 2]; 3], values: [f64; 3], scale: &Scale) {
        let [a, b, c] = corners.map(|p| p.map(|v| v * PIXELS as f64 / SIDE));
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
        if area == 0.0 || !area.is_finite() {
            return;
        }
        // Pixels whose middle lies within, and a little more, so that no seam shows.
        let range = |d: usize| {
            let (low, high) = (a[d].min(b[d]).min(c[d]), a[d].max(b[d]).max(c[d]));
            (low - 0.5).floor().max(0.0) as usize..((high + 0.5).ceil().max(0.0) as usize).min(PIXELS)
        };
        let slack = -0.7 * (PIXELS as f64 / SIDE) / area.abs().sqrt();
        for y in range(1) {
            for x in range(0) {
                let p = [x as f64 + 0.5, y as f64 + 0.5];
                let s = ((p[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (p[1] - a[1])) / area;
                let t = ((b[0] - a[0]) * (p[1] - a[1]) - (p[0] - a[0]) * (b[1] - a[1])) / area;
                let inside = s.min(t).min(1.0 - s - t);
                let pixel = &mut self.pixels[y * PIXELS + x];
                if inside >= 0.0 || (inside >= slack.max(-0.5) && *pixel == 0) {
                    *pixel = index((1.0 - s - t) * values[0] + s * values[1] + t * values[2], scale);
                }
            }
        }
    }

    /// side × side values, x fastest, y upwards.
    pub fn grid(&mut self, values: &[f64], side: usize, scale: &Scale) {
        for y in 0..PIXELS {
            for x in 0..PIXELS {
                let (i, j) = (x * side / PIXELS, (PIXELS - 1 - y) * side / PIXELS);
                self.pixels[y * PIXELS + x] = index(values[j * side + i], scale);
            }
        }
    }

    /// As an element of an SVG document.
    pub fn image(&self) -> String {
        let data = base64(&self.png());
        format!("<image width=\"{SIDE}\" height=\"{SIDE}\" href=\"data:image/png;base64,{data}\"/>")
    }

    /// A PNG file (ISO/IEC 15948) of 8 bits a pixel with a palette.
    fn png(&self) -> Vec<u8> {
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        let side = (PIXELS as u32).to_be_bytes();
        chunk(&mut out, b"IHDR", &[&side[..], &side, &[8, 3, 0, 0, 0]].concat());
        let colours = (0..COLOURS).map(|k| rgb(k as f64 / (COLOURS - 1) as f64));
        let palette: Vec<u8> = std::iter::once([255; 3]).chain(colours).flatten().collect();
        chunk(&mut out, b"PLTE", &palette);
        chunk(&mut out, b"tRNS", &[0]);
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        // Each line unfiltered. Writing into memory cannot fail.
        let lines: Vec<u8> = self.pixels.chunks(PIXELS).flat_map(|line| [&[0], line].concat()).collect();
        let data = encoder.write_all(&lines).and_then(|()| encoder.finish()).unwrap_or_default();
        chunk(&mut out, b"IDAT", &data);
        chunk(&mut out, b"IEND", &[]);
        out
    }
}

/// The colour of a value.
fn index(value: f64, scale: &Scale) -> u8 {
    if value.is_nan() {
        return 0;
    }
    1 + (scale.place(value).clamp(0.0, 1.0) * (COLOURS - 1) as f64).round() as u8
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    out.extend((data.len() as u32).to_be_bytes());
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    out.extend(kind);
    out.extend(data);
    out.extend(crc.sum().to_be_bytes());
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0u32, |bits, (k, &b)| bits | u32::from(b) << (16 - 8 * k));
        for k in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * k)) as usize & 63] as char;
            out.push(if k <= group.len() { digit } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_the_standard_has_it() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_triangle_covers_its_half_and_colours_run_linearly() {
        let mut raster = Raster::new();
        let scale = Scale::over(&[0.0, 1.0]);
        raster.triangle([[0.0, 0.0], [SIDE, 0.0], [0.0, SIDE]], [0.0, 1.0, 0.0], &scale);
        let covered = raster.pixels.iter().filter(|p| **p > 0).count() as f64 / (PIXELS * PIXELS) as f64;
        assert!((covered - 0.5).abs() < 0.01, "{covered}");
        let at = |x: usize, y: usize| raster.pixels[y * PIXELS + x];
        assert!(at(0, 0) <= 2 && (i32::from(at(PIXELS / 2, 10)) - 128).abs() <= 1 && at(PIXELS - 1, PIXELS - 1) == 0);
        let mut whole = Raster::new();
        whole.grid(&[0.0, 1.0, 1.0, f64::NAN], 2, &scale);
        // The first value lies below on the left.
        assert_eq!((whole.pixels[(PIXELS - 1) * PIXELS], whole.pixels[0], whole.pixels[PIXELS - 1]), (1, 255, 0));
        assert!(whole.png().len() < 3000);
    }
}
