//! Where networks are trained and evaluated: dfdx's CPU, and its CUDA device in builds with the `cuda` feature.

use dfdx::prelude::{NoneTape, OwnedTape};
use serde::{Deserialize, Serialize};
use std::fmt;

use super::adam::AdamStep;
use super::ops::{DfdxOps, Engine, FusedOps, Ops, Scalar, Taped};
use super::params::Params;
use crate::error::{Error, Result};

pub use dfdx::prelude::Cpu;
#[cfg(feature = "cuda")]
pub use dfdx::prelude::Cuda;

/// Builds without CUDA know no such device: the name stands for the CPU, and [`cuda`] always refuses.
#[cfg(not(feature = "cuda"))]
pub type Cuda = Cpu;

/// A kind of device, as recipes and command lines name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// All cores of the processor.
    #[default]
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
        })
    }
}

/// A scalar with the operations that led to it.
pub type Loss<D> = Scalar<f32, D>;

/// A device that networks run on, with its way to compute their operations.
pub trait Backend: AdamStep {
    /// What recipes call it.
    const KIND: Device;
    /// Operations that remember how to go back.
    type Taped: Taped<Real = f32, Device = Self>;
    /// Operations for values alone.
    type Untaped: Ops<Real = f32, Device = Self>;
    /// Parameters that several threads may evaluate networks with.
    type Shared: Shared<Self>;

    /// Operations with an empty tape.
    fn taped(&self) -> Self::Taped;

    /// Operations for values alone.
    fn untaped(&self) -> Self::Untaped;
}

/// Parameters that several threads may evaluate networks with.
pub trait Shared<D: Backend>: Send + Sync {
    /// Of these parameters.
    fn new(params: Params<f32, D>) -> Self;

    /// Does something with them.
    fn with<R>(&self, f: impl FnOnce(&Params<f32, D>) -> R) -> R;
}

/// Trained parameters: any thread may evaluate a network with them, on the device that they are on.
pub struct Trained<D: Backend> {
    params: D::Shared,
    count: usize,
}

impl<D: Backend> Trained<D> {
    /// Of these parameters.
    pub fn new(params: Params<f32, D>) -> Self {
        Trained { count: params.count(), params: D::Shared::new(params) }
    }

    /// How many numbers were trained.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Something of the parameters.
    pub fn read<R>(&self, f: impl FnOnce(&Params<f32, D>) -> R) -> R {
        self.params.with(f)
    }

    /// The output of a network, row by row.
    pub fn evaluate(
        &self,
        network: impl FnOnce(&mut D::Untaped, &Params<f32, D>) -> <D::Untaped as Engine>::Value,
    ) -> Vec<f32> {
        self.params.with(|params| {
            let mut ops = params.device().untaped();
            let y = network(&mut ops, params);
            ops.to_host(&y)
        })
    }

    /// The same by dfdx's kernels, which dense networks are trained with.
    pub fn evaluate_dense(
        &self,
        network: impl FnOnce(
            &mut DfdxOps<f32, D, NoneTape>,
            &Params<f32, D>,
        ) -> <DfdxOps<f32, D, NoneTape> as Engine>::Value,
    ) -> Vec<f32> {
        self.params.with(|params| {
            let mut ops = DfdxOps::new(params.device().clone());
            let y = network(&mut ops, params);
            ops.to_host(&y)
        })
    }
}

impl Backend for Cpu {
    const KIND: Device = Device::Cpu;
    type Taped = FusedOps<f32, OwnedTape<f32, Cpu>>;
    type Untaped = FusedOps<f32, NoneTape>;
    type Shared = Params<f32, Cpu>;

    fn taped(&self) -> Self::Taped {
        FusedOps::default()
    }

    fn untaped(&self) -> Self::Untaped {
        FusedOps::default()
    }
}

impl Shared<Cpu> for Params<f32, Cpu> {
    fn new(params: Params<f32, Cpu>) -> Self {
        params
    }

    fn with<R>(&self, f: impl FnOnce(&Params<f32, Cpu>) -> R) -> R {
        f(self)
    }
}

/// The first CUDA device.
///
/// # Errors
/// [`Error::Argument`] if the driver finds none.
#[cfg(feature = "cuda")]
pub fn cuda() -> Result<Cuda> {
    Cuda::try_build(0, 0).map_err(|e| Error::Argument(format!("no CUDA device can be used: {e:?}; use --device cpu")))
}

/// What a CPU build answers when CUDA is asked for.
///
/// # Errors
/// Always: [`Error::Argument`] saying how to get it.
#[cfg(not(feature = "cuda"))]
pub fn cuda() -> Result<Cuda> {
    Err(Error::Argument(
        "this build has no CUDA: rebuild with `cargo build --release --features cuda` (needs the CUDA toolkit), \
         or use --device cpu"
            .into(),
    ))
}

#[cfg(feature = "cuda")]
mod shared {
    use std::sync::{Mutex, PoisonError};

    use super::{Backend, Cuda, Device, DfdxOps, NoneTape, OwnedTape, Params, Shared};

    /// Parameters in device memory, used by one thread at a time: a GPU runs one network after the other anyway.
    pub struct CudaShared(Mutex<Params<f32, Cuda>>);

    // SAFETY: what keeps dfdx's device from being Send is the handle of a CUDA stream, which any thread of the process
    // may use; all else in it is Send and Sync, cudarc binds the context to the calling thread, and the lock lets one
    // thread in at a time.
    unsafe impl Send for CudaShared {}
    unsafe impl Sync for CudaShared {}

    impl Shared<Cuda> for CudaShared {
        fn new(params: Params<f32, Cuda>) -> Self {
            CudaShared(Mutex::new(params))
        }

        fn with<R>(&self, f: impl FnOnce(&Params<f32, Cuda>) -> R) -> R {
            // Parameters are only read: a panic elsewhere leaves them whole.
            f(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    impl Backend for Cuda {
        const KIND: Device = Device::Cuda;
        type Taped = DfdxOps<f32, Cuda, OwnedTape<f32, Cuda>>;
        type Untaped = DfdxOps<f32, Cuda, NoneTape>;
        type Shared = CudaShared;

        fn taped(&self) -> Self::Taped {
            DfdxOps::new(self.clone())
        }

        fn untaped(&self) -> Self::Untaped {
            DfdxOps::new(self.clone())
        }
    }
}
