//! One step of Adam on each device, gradients staying where they are.

use dfdx::prelude::{Cpu, Device, Gradients, Storage};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::nn::params::Matrix;

/// Storage of f32 on a device.
type Data<D> = <D as Storage<f32>>::Vec;

/// Elements per task: fixed, so that sums have the same bits for any thread count.
const CHUNK: usize = 1 << 14;

/// Adam's constants for one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the first and second moment.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay (AdamW).
    pub weight_decay: f64,
    /// Gradients of a larger 2-norm are scaled down to this; 0 switches clipping off.
    pub clip: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        AdamConfig { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, clip: 0.0 }
    }
}

/// A device that Adam runs on.
pub trait AdamStep: Device<f32> {
    /// First and second moment of one parameter, wherever this device keeps them.
    type Moments;

    /// Zero moments for a parameter.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device has no memory left.
    fn moments(&self, p: &Matrix<f32, Self>) -> Result<Self::Moments>;

    /// √Σ g² over the gradients of all parameters.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device fails.
    fn gradient_norm(params: &[Matrix<f32, Self>], grads: &mut Gradients<f32, Self>) -> Result<f64>;

    /// One step on `p` (Kingma & Ba 2015, algorithm 1; weight decay decoupled as in Loshchilov & Hutter 2019); `step`
    /// counts from 1, `scale` multiplies the gradient first (clipping).
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device fails.
    fn adam(
        cfg: &AdamConfig,
        step: u64,
        scale: f32,
        p: &mut Matrix<f32, Self>,
        moments: &mut Self::Moments,
        grads: &mut Gradients<f32, Self>,
    ) -> Result<()>;

    /// First and second moments as host arrays, to save.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device fails.
    fn moments_to_host(moments: &Self::Moments) -> Result<[Vec<f32>; 2]>;

    /// Saved moments of a parameter.
    ///
    /// # Errors
    /// As [`AdamStep::moments`].
    fn moments_from_host(&self, p: &Matrix<f32, Self>, saved: [&[f32]; 2]) -> Result<Self::Moments>;
}

/// A device's error as ours: out of memory, or a failed launch.
fn failed(e: impl std::fmt::Debug) -> Error {
    Error::Numeric(format!("the device failed: {e:?}"))
}

/// A parameter's host copy and moments; dfdx lends no mutable view of a tensor, so the copy is the master.
pub struct CpuMoments {
    p: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
}

impl AdamStep for Cpu {
    type Moments = CpuMoments;

    fn moments(&self, p: &Matrix<f32, Self>) -> Result<CpuMoments> {
        let p = p.as_vec();
        let (m, v) = (vec![0.0; p.len()], vec![0.0; p.len()]);
        Ok(CpuMoments { p, m, v })
    }

    fn gradient_norm(params: &[Matrix<f32, Self>], grads: &mut Gradients<f32, Self>) -> Result<f64> {
        let mut total = 0.0;
        for p in params {
            let g: &Data<Self> = grads.get_or_alloc_mut(p).map_err(failed)?;
            let parts: Vec<f64> =
                g.par_chunks(CHUNK).map(|c| c.iter().map(|&g| f64::from(g) * f64::from(g)).sum()).collect();
            total += parts.iter().sum::<f64>();
        }
        Ok(total.sqrt())
    }

    fn adam(
        cfg: &AdamConfig,
        step: u64,
        scale: f32,
        p: &mut Matrix<f32, Self>,
        moments: &mut CpuMoments,
        grads: &mut Gradients<f32, Self>,
    ) -> Result<()> {
        let grad: &Data<Self> = grads.get_or_alloc_mut(p).map_err(failed)?;
        let (b1, b2) = (cfg.betas[0] as f32, cfg.betas[1] as f32);
        let c1 = (1.0 / (1.0 - cfg.betas[0].powf(step as f64))) as f32;
        let c2 = (1.0 / (1.0 - cfg.betas[1].powf(step as f64))) as f32;
        let (lr, eps) = (cfg.lr as f32, cfg.eps as f32);
        let shrink = 1.0 - lr * cfg.weight_decay as f32;
        moments
            .p
            .par_chunks_mut(CHUNK)
            .zip(moments.m.par_chunks_mut(CHUNK))
            .zip(moments.v.par_chunks_mut(CHUNK))
            .zip(grad.par_chunks(CHUNK))
            .for_each(|(((p, m), v), g)| {
                for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
                    let g = g * scale;
                    *m = b1 * *m + (1.0 - b1) * g;
                    *v = b2 * *v + (1.0 - b2) * g * g;
                    *p = shrink * *p - lr * (*m * c1) / ((*v * c2).sqrt() + eps);
                }
            });
        p.copy_from(&moments.p);
        Ok(())
    }

    fn moments_to_host(moments: &CpuMoments) -> Result<[Vec<f32>; 2]> {
        Ok([moments.m.clone(), moments.v.clone()])
    }

    fn moments_from_host(&self, p: &Matrix<f32, Self>, [m, v]: [&[f32]; 2]) -> Result<CpuMoments> {
        Ok(CpuMoments { p: p.as_vec(), m: m.to_vec(), v: v.to_vec() })
    }
}

/// Norms and clipping out of dfdx's kernels: a single number goes to the host.
#[cfg(any(feature = "cuda", test))]
mod on_device {
    use dfdx::prelude::{Backward, Device, Gradients, SumTo, Tensor, Trace, add, mul};

    use super::{Matrix, Result, failed};

    /// √Σ g², summed on the device in single precision.
    pub fn gradient_norm<D: Device<f32>>(params: &[Matrix<f32, D>], grads: &mut Gradients<f32, D>) -> Result<f64> {
        let mut total: Option<Tensor<(), f32, D>> = None;
        for p in params {
            grads.try_alloc_for(p).map_err(failed)?;
            let squares = grads.get(p).try_square().map_err(failed)?;
            let squares = squares.try_sum::<(), _>().map_err(failed)?;
            total = Some(match total {
                Some(sum) => add(sum, squares),
                None => squares,
            });
        }
        Ok(total.map_or(0.0, |t| f64::from(t.as_vec()[0]).sqrt()))
    }

    /// Gradients that hold `scale` times the gradient of p. dfdx gives out no storage of a tensor, but that of a
    /// derivative: that of Σ p c is c.
    pub fn scaled<D: Device<f32>>(
        p: &Matrix<f32, D>,
        scale: f32,
        grads: &mut Gradients<f32, D>,
    ) -> Result<Gradients<f32, D>> {
        grads.try_alloc_for(p).map_err(failed)?;
        let c = grads.get(p) * scale;
        let product = mul(p.leaky_trace(), c).try_sum::<(), _>().map_err(failed)?;
        product.try_backward().map_err(failed)
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use dfdx::prelude::{Cuda, Gradients, HasShape, Storage};
    use dfdx::tensor_ops::{AdamConfig as DfdxAdam, WeightDecay};

    use super::{AdamConfig, AdamStep, Matrix, Result, failed, on_device};

    type Slice = <Cuda as Storage<f32>>::Vec;

    impl AdamStep for Cuda {
        /// In device memory.
        type Moments = [Slice; 2];

        fn moments(&self, p: &Matrix<f32, Self>) -> Result<[Slice; 2]> {
            let len = p.shape().0 * p.shape().1;
            let zeros = || <Cuda as Storage<f32>>::try_alloc_len(self, len).map_err(failed);
            Ok([zeros()?, zeros()?])
        }

        fn gradient_norm(params: &[Matrix<f32, Self>], grads: &mut Gradients<f32, Self>) -> Result<f64> {
            on_device::gradient_norm(params, grads)
        }

        fn adam(
            cfg: &AdamConfig,
            step: u64,
            scale: f32,
            p: &mut Matrix<f32, Self>,
            [m, v]: &mut [Slice; 2],
            grads: &mut Gradients<f32, Self>,
        ) -> Result<()> {
            let adam = DfdxAdam {
                lr: cfg.lr,
                betas: cfg.betas,
                eps: cfg.eps,
                weight_decay: (cfg.weight_decay > 0.0).then_some(WeightDecay::Decoupled(cfg.weight_decay)),
            };
            let step = i32::try_from(step).unwrap_or(i32::MAX);
            let mut clipped;
            let grads = if scale == 1.0 {
                grads
            } else {
                clipped = on_device::scaled(p, scale, grads)?;
                &mut clipped
            };
            let grad: &Slice = grads.get_or_alloc_mut(p).map_err(failed)?;
            adam.try_update(step, p, m, v, grad).map_err(failed)
        }

        fn moments_to_host(moments: &[Slice; 2]) -> Result<[Vec<f32>; 2]> {
            let host = |s: &Slice| s.device().dtoh_sync_copy(s).map_err(failed);
            Ok([host(&moments[0])?, host(&moments[1])?])
        }

        fn moments_from_host(&self, p: &Matrix<f32, Self>, saved: [&[f32]; 2]) -> Result<[Slice; 2]> {
            let mut moments = self.moments(p)?;
            for (on, saved) in moments.iter_mut().zip(saved) {
                let device = on.device();
                device.htod_sync_copy_into(saved, on).map_err(failed)?;
            }
            Ok(moments)
        }
    }
}

#[cfg(test)]
mod tests {
    use dfdx::prelude::{Backward, SumTo, TensorFromVec, Trace};

    use super::*;

    #[test]
    fn norms_and_clipping_on_a_device_are_those_of_the_cpu() {
        let device = Cpu::default();
        let params = [vec![0.5, -2.0, 3.0, 0.0], vec![1.0, 7.0]].map(|v| {
            let rows = v.len() / 2;
            device.tensor_from_vec(v, (rows, 2))
        });
        // d/dp Σ p² = 2p, and one parameter that nothing used.
        let unused = device.tensor_from_vec(vec![4.0], (1, 1));
        let a = params[0].leaky_trace().square().sum::<(), _>();
        let b = params[1].leaky_trace().square().sum::<(), _>();
        let mut grads = dfdx::prelude::add(a, b).backward();
        let all = [params[0].clone(), params[1].clone(), unused];
        let norm = Cpu::gradient_norm(&all, &mut grads).unwrap();
        assert!((norm - 2.0 * (0.25f64 + 4.0 + 9.0 + 1.0 + 49.0).sqrt()).abs() < 1e-6);
        let other = on_device::gradient_norm(&all, &mut grads).unwrap();
        assert!((norm - other).abs() < 1e-5, "{norm} against {other}");
        for p in &all {
            let half = on_device::scaled(p, 0.5, &mut grads).unwrap().get(p).as_vec();
            let expected: Vec<f32> = grads.get(p).as_vec().iter().map(|g| 0.5 * g).collect();
            assert_eq!(half, expected);
        }
    }
}
