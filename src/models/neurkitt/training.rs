//! Training of `neurkitt`: the eigenvectors' part outside the predicted space.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::features::Seen;
use super::network::{Neurkitt, Tables};
use super::{NAME, NeurkittConfig};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::TrainingSet;
use crate::models::eigenvector_labels::{LABEL, eigenvector_rows};
use crate::models::fit::{self, Trainer, Training};
use crate::nn::ops::{SubspaceLoss, SubspaceLossOp, Taped, Vectors};
use crate::nn::{Backend, Device, Loss, Params};
use crate::system::{LinearSystem, Names, Parts};

/// A trainer with fresh weights for systems like those of `set`.
///
/// # Errors
/// If the settings do not fit the samples or the device is not at hand.
pub fn trainer(config: &NeurkittConfig, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
    config.check()?;
    let first = set.first(&parts(config))?;
    if config.loss == SubspaceLoss::Energy && !first.props.positive_definite {
        return Err(Error::Argument(format!("{NAME}.loss = \"energy\" needs A symmetric positive definite")));
    }
    Seen::new(config, &first)?;
    eigenvector_rows(&first, config.targets())?;
    let network = Arc::new(Neurkitt::new(config.clone()));
    let weights = network.about.initial(seed);
    fit::trainer(NeurkittTraining { network }, set, device, &weights)
}

fn parts(config: &NeurkittConfig) -> Parts {
    Parts {
        matrix: config.loss == SubspaceLoss::Energy,
        fields: Names::All,
        labels: Names::Only(vec![LABEL.into()]),
        ..Parts::default()
    }
}

/// A sample ready for the network, made once.
struct Item {
    seen: Seen,
    /// unknowns × targets.
    vectors: Arc<Vec<f64>>,
    /// A, where the loss sees it.
    matrix: Option<Arc<Csr>>,
}

struct NeurkittTraining {
    network: Arc<Neurkitt>,
}

impl<D: Backend> Training<D> for NeurkittTraining {
    type Network = Neurkitt;
    type Item = Item;
    type Batch = (Tables<f32>, Vectors);

    fn network(&self) -> &Arc<Neurkitt> {
        &self.network
    }

    fn parts(&self) -> Parts {
        parts(&self.network.config)
    }

    fn item(&self, sample: &LinearSystem) -> Result<Item> {
        let config = &self.network.config;
        let vectors = Arc::new(eigenvector_rows(sample, config.targets())?);
        let matrix = (config.loss == SubspaceLoss::Energy).then(|| Arc::new(sample.matrix.clone()));
        Ok(Item { seen: Seen::new(config, sample)?, vectors, matrix })
    }

    fn bytes(item: &Item) -> usize {
        let seen = &item.seen;
        let tables = [&seen.inputs, &seen.shares, &seen.base].map(|t| size_of_val(&**t));
        // Its pattern is shared.
        let matrix = item.matrix.as_ref().map_or(0, |a| size_of_val(a.values()));
        let cut = seen.partition.as_ref().map_or(0, |p| p.shares.bytes());
        tables.iter().sum::<usize>() + size_of_val(&*seen.corners) + size_of_val(&*item.vectors) + cut + matrix
    }

    fn batch(&self, items: &[Arc<Item>]) -> Result<(Tables<f32>, Vectors)> {
        let samples = items.iter().map(|i| i.vectors.clone()).collect();
        let seen: Vec<&Seen> = items.iter().map(|i| &i.seen).collect();
        let cut = seen.iter().filter_map(|s| s.partition.clone()).collect();
        let matrices = items.iter().filter_map(|i| i.matrix.clone()).collect();
        let vectors = Vectors { samples, count: self.network.config.targets(), cut, matrices, beside: Vec::new() };
        Ok((Tables::join(&seen)?, vectors))
    }

    fn loss(
        &self,
        params: &Params<f32, D>,
        (tables, vectors): (Tables<f32>, Vectors),
        _rng: &mut ChaCha8Rng,
    ) -> Result<Loss<D>> {
        let mut ops = params.device().taped();
        let space = self.network.forward(&mut ops, params, &tables);
        let loss = ops.subspace_loss(&space, &vectors, self.network.config.loss);
        Ok(ops.finish(&loss))
    }
}
