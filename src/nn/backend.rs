//! Where tensors live: dfdx's CPU, and its CUDA device in builds with the `cuda` feature.

use dfdx::prelude::{Cpu, Device, Storage};
use rayon::prelude::*;

use super::adam::AdamConfig;
use super::params::Matrix;

/// Storage of f32 on a device.
pub type Data<D> = <D as Storage<f32>>::Vec;

/// Elements per task: fixed, so that sums have the same bits for any thread count.
const CHUNK: usize = 1 << 14;

/// A device that can train: every op of dfdx in f32, plus the optimiser's state beside a parameter.
pub trait Backend: Device<f32> {
    /// Adam's moments of one parameter, wherever this device keeps them.
    type Slot: Send;

    /// Zero moments for a parameter.
    fn slot(&self, p: &Matrix<f32, Self>) -> Self::Slot;

    /// One Adam step on `p` (Kingma & Ba 2015, algorithm 1; weight decay decoupled as in Loshchilov & Hutter
    /// 2019); `step` counts from 1, `grad_scale` multiplies the gradient first (clipping).
    fn adam(
        cfg: &AdamConfig,
        step: u64,
        grad_scale: f32,
        p: &mut Matrix<f32, Self>,
        slot: &mut Self::Slot,
        grad: &Data<Self>,
    );

    /// Σ g².
    fn sum_of_squares(grad: &Data<Self>) -> f64;

    /// First and second moments as host arrays.
    fn slot_to_host(slot: &Self::Slot) -> (Vec<f32>, Vec<f32>);

    /// Restores moments.
    fn slot_from_host(&self, p: &Matrix<f32, Self>, m: &[f32], v: &[f32]) -> Self::Slot;
}

/// A parameter's host copy and moments; dfdx lends no mutable view of a tensor, so the copy is the master.
pub struct CpuSlot {
    p: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
}

impl Backend for Cpu {
    type Slot = CpuSlot;

    fn slot(&self, p: &Matrix<f32, Self>) -> CpuSlot {
        let p = p.as_vec();
        let (m, v) = (vec![0.0; p.len()], vec![0.0; p.len()]);
        CpuSlot { p, m, v }
    }

    fn adam(
        cfg: &AdamConfig,
        step: u64,
        grad_scale: f32,
        p: &mut Matrix<f32, Self>,
        slot: &mut CpuSlot,
        grad: &Data<Self>,
    ) {
        let (b1, b2) = (cfg.betas[0] as f32, cfg.betas[1] as f32);
        let c1 = (1.0 / (1.0 - cfg.betas[0].powf(step as f64))) as f32;
        let c2 = (1.0 / (1.0 - cfg.betas[1].powf(step as f64))) as f32;
        let (lr, eps) = (cfg.lr as f32, cfg.eps as f32);
        let shrink = 1.0 - lr * cfg.weight_decay as f32;
        slot.p
            .par_chunks_mut(CHUNK)
            .zip(slot.m.par_chunks_mut(CHUNK))
            .zip(slot.v.par_chunks_mut(CHUNK))
            .zip(grad.par_chunks(CHUNK))
            .for_each(|(((p, m), v), g)| {
                for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
                    let g = g * grad_scale;
                    *m = b1 * *m + (1.0 - b1) * g;
                    *v = b2 * *v + (1.0 - b2) * g * g;
                    *p = shrink * *p - lr * (*m * c1) / ((*v * c2).sqrt() + eps);
                }
            });
        p.copy_from(&slot.p);
    }

    fn sum_of_squares(grad: &Data<Self>) -> f64 {
        let parts: Vec<f64> = grad
            .par_chunks(CHUNK)
            .map(|c| c.iter().map(|&g| f64::from(g) * f64::from(g)).sum())
            .collect();
        parts.iter().sum()
    }

    fn slot_to_host(slot: &CpuSlot) -> (Vec<f32>, Vec<f32>) {
        (slot.m.clone(), slot.v.clone())
    }

    fn slot_from_host(&self, p: &Matrix<f32, Self>, m: &[f32], v: &[f32]) -> CpuSlot {
        CpuSlot {
            p: p.as_vec(),
            m: m.to_vec(),
            v: v.to_vec(),
        }
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use dfdx::prelude::{Cuda, Storage};
    use dfdx::tensor_ops::{AdamConfig as DfdxAdam, WeightDecay};

    use super::{AdamConfig, Backend, Matrix};

    type Slice = <Cuda as Storage<f32>>::Vec;

    /// Moments in device memory.
    pub struct CudaSlot {
        m: Slice,
        v: Slice,
    }

    // Out of device memory and launch failures leave nothing to continue with; the driver's message is shown.
    const DRIVER: &str = "the CUDA driver failed";

    impl Backend for Cuda {
        type Slot = CudaSlot;

        fn slot(&self, p: &Matrix<f32, Self>) -> CudaSlot {
            let len = p.as_vec().len();
            CudaSlot {
                m: self.try_alloc_len(len).expect(DRIVER),
                v: self.try_alloc_len(len).expect(DRIVER),
            }
        }

        fn adam(
            cfg: &AdamConfig,
            step: u64,
            grad_scale: f32,
            p: &mut Matrix<f32, Self>,
            slot: &mut CudaSlot,
            grad: &Slice,
        ) {
            let dfdx = DfdxAdam {
                lr: cfg.lr,
                betas: cfg.betas,
                eps: cfg.eps,
                weight_decay: (cfg.weight_decay > 0.0).then_some(WeightDecay::Decoupled(cfg.weight_decay)),
            };
            let step = i32::try_from(step).unwrap_or(i32::MAX);
            if grad_scale == 1.0 {
                dfdx.try_update(step, p, &mut slot.m, &mut slot.v, grad)
                    .expect(DRIVER);
            } else {
                let device = grad.device();
                let scaled: Vec<f32> = device
                    .dtoh_sync_copy(grad)
                    .expect(DRIVER)
                    .iter()
                    .map(|g| g * grad_scale)
                    .collect();
                // A copy of the gradient's storage, overwritten with the scaled values.
                let mut storage = grad.clone();
                device.htod_sync_copy_into(&scaled, &mut storage).expect(DRIVER);
                dfdx.try_update(step, p, &mut slot.m, &mut slot.v, &storage)
                    .expect(DRIVER);
            }
        }

        fn sum_of_squares(grad: &Slice) -> f64 {
            let host = grad.device().dtoh_sync_copy(grad).expect(DRIVER);
            host.iter().map(|&g| f64::from(g) * f64::from(g)).sum()
        }

        fn slot_to_host(slot: &CudaSlot) -> (Vec<f32>, Vec<f32>) {
            let host = |s: &Slice| s.device().dtoh_sync_copy(s).expect(DRIVER);
            (host(&slot.m), host(&slot.v))
        }

        fn slot_from_host(&self, p: &Matrix<f32, Self>, m: &[f32], v: &[f32]) -> CudaSlot {
            let mut slot = self.slot(p);
            let device = slot.m.device();
            device.htod_sync_copy_into(m, &mut slot.m).expect(DRIVER);
            device.htod_sync_copy_into(v, &mut slot.v).expect(DRIVER);
            slot
        }
    }
}

/// The first CUDA device.
///
/// # Errors
/// If the driver finds none.
#[cfg(feature = "cuda")]
pub fn cuda_device() -> crate::error::Result<dfdx::prelude::Cuda> {
    dfdx::prelude::Cuda::try_build(0, 0).map_err(|e| {
        crate::error::Error::Argument(format!("no CUDA device can be used: {e:?}; use --device cpu"))
    })
}

/// What a CPU build answers when CUDA is asked for.
#[cfg(not(feature = "cuda"))]
pub fn no_cuda() -> crate::error::Error {
    crate::error::Error::Argument(
        "this build has no CUDA: rebuild with `cargo build --release --features cuda` (needs the CUDA toolkit), \
         or use --device cpu"
            .into(),
    )
}
