//! A model of which its user has to know something.

use super::{Model, PredictOptions};
use crate::error::Result;
use crate::solve::Acceleration;
use crate::system::{LinearSystem, Names};

/// The model, with a note in each of its predictions.
pub struct Noted {
    pub model: Box<dyn Model>,
    pub note: String,
}

impl Model for Noted {
    fn name(&self) -> &'static str {
        self.model.name()
    }

    fn parameters(&self) -> usize {
        self.model.parameters()
    }

    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        let predicted = self.model.predict(system, options)?;
        let note = match &predicted.note {
            Some(own) => format!("{}; {own}", self.note),
            None => self.note.clone(),
        };
        Ok(Acceleration { note: Some(note), ..predicted })
    }

    fn predicts_space(&self) -> bool {
        self.model.predicts_space()
    }

    fn labels(&self) -> Names {
        self.model.labels()
    }

    fn agreement(&self, system: &LinearSystem) -> Result<Option<f64>> {
        self.model.agreement(system)
    }
}
