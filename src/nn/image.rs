//! Convolutions on square images: tables with one row a pixel, image after image and row after row.

use std::sync::Arc;

use super::layers::Linear;
use super::layout::Layout;
use super::ops::{NO_ROW, Ops, Weights};

/// Pixels of a patch: 3 × 3.
const PATCH: usize = 9;

/// A convolution with a kernel of 3 × 3, zero beyond the border: y = patches(x) W + b with W `{name}.weight` (9 in ×
/// out) and b `{name}.bias`.
#[derive(Debug, Clone, Copy)]
pub struct Conv {
    linear: Linear,
    channels: usize,
}

impl Conv {
    /// From `input` to `output` channels; see [`Linear::new`] for the gain.
    pub fn new(layout: &mut Layout, name: &str, input: usize, output: usize, gain: f32) -> Self {
        Conv { linear: Linear::new(layout, name, PATCH * input, output, gain), channels: input }
    }

    /// x: (pixels, in) → (patches, out).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, x: &O::Value, patches: &Patches) -> O::Value {
        let seen = ops.gather(x, &patches.0, self.channels, PATCH);
        self.linear.forward(ops, w, &seen, None)
    }
}

/// The pixels that each pixel of a convolution's result sees.
#[derive(Debug, Clone)]
pub struct Patches(Arc<Vec<u32>>);

/// Pixels a side after a convolution of stride 2.
pub fn halved(side: usize) -> usize {
    side.div_ceil(2)
}

impl Patches {
    /// Of a convolution of stride 2: images of `side` × `side` become [`halved`].
    pub fn stride(images: usize, side: usize) -> Self {
        let small = halved(side);
        let pixels = (0..images).flat_map(|g| square(small).map(move |[i, j]| [g, 2 * i, 2 * j]));
        Patches::around(pixels, side, |i| i, side)
    }

    /// Of a convolution on images whose pixels are doubled before, cut to `side` × `side`; the pixels before are
    /// [`halved`].
    pub fn doubled(images: usize, side: usize) -> Self {
        Self::doubled_at((0..images).flat_map(|g| square(side).map(move |[i, j]| [g, i, j])), side)
    }

    /// The same at some pixels alone: (image, row, column) in the doubled image.
    pub fn doubled_at(pixels: impl Iterator<Item = [usize; 3]>, side: usize) -> Self {
        Patches::around(pixels, side, |i| i / 2, halved(side))
    }

    /// The pixels around each of some in images of `side`, which lie at `place` of images of `stored` pixels a side.
    fn around(
        pixels: impl Iterator<Item = [usize; 3]>,
        side: usize,
        place: impl Fn(usize) -> usize,
        stored: usize,
    ) -> Self {
        let mut index = Vec::new();
        for [g, i, j] in pixels {
            for (di, dj) in (0..PATCH).map(|k| (k / 3, k % 3)) {
                // One less than the sum: the pixel itself is the middle one.
                let inside = (1..=side).contains(&(i + di)) && (1..=side).contains(&(j + dj));
                let at = || (g * stored + place(i + di - 1)) * stored + place(j + dj - 1);
                index.push(if inside { at() as u32 } else { NO_ROW });
            }
        }
        Patches(Arc::new(index))
    }
}

/// (row, column) of all pixels.
fn square(side: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..side).flat_map(move |i| (0..side).map(move |j| [i, j]))
}

/// Tables as one row an image, or back: the same numbers as rows of `width`.
pub fn reshape<O: Ops>(ops: &mut O, x: &O::Value, width: usize) -> O::Value {
    let (rows, cols) = ops.shape(x);
    let index: Vec<u32> = (0..(rows * cols / width) as u32).collect();
    ops.gather(x, &Arc::new(index), width, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_name_the_pixels_around() {
        let n = NO_ROW;
        // A second image of 3 × 3: pixels 9 to 17.
        let Patches(index) = Patches::stride(2, 3);
        assert_eq!(index.len(), 2 * 4 * PATCH);
        assert_eq!(index[4 * PATCH..5 * PATCH], [n, n, n, n, 9, 10, n, 12, 13]);
        assert_eq!(index[7 * PATCH..], [13, 14, n, 16, 17, n, n, n, n]);
        // Pixel (2, 1) of the 3 × 3 image that 2 × 2 pixels, doubled, give.
        let Patches(index) = Patches::doubled_at([[1, 2, 1]].into_iter(), 3);
        assert_eq!(*index, [4, 4, 5, 6, 6, 7, n, n, n]);
        assert_eq!(Patches::doubled(2, 3).0.len(), 2 * 9 * PATCH);
    }
}
